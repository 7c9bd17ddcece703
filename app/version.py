"""The version of the running code, from the package's metadata."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("waybill")
except PackageNotFoundError:
    # A checkout that is not installed has no metadata.
    VERSION = "0.1.0"
