"""`symc sign`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from symc.cli.application import app
from symc.cli.options import Json, Package
from symc.cli.show import show


@app.command(epilog="Example: symc sign net.symc --key key.pem; symc run net.symc --trust pub.pem -i data=x.npy. Keys: "
                    "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out pub.pem")
def sign(
    package: Package,
    key: Annotated[Path, typer.Option(help="File with the private key (PEM, ed25519).")],
    as_json: Json = False,
) -> None:
    """Write the signature of a package beside it, PACKAGE.sig, which --trust of other commands checks."""
    from symc.runtime.package import check_everything, open_package
    from symc.runtime.signature import sign as write

    check_everything(open_package(package))
    show({"package": str(package), "signature": write(package, key)}, as_json)
