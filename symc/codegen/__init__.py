"""From fused groups to native code: kernels, driver, plan and package."""
