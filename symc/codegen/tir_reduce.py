def reduction_kernel(plan, cluster, symbol):
    raise AssertionError
