"""The version that is running, as the package's metadata says."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("waybill")
except PackageNotFoundError:
    # Run from a checkout that was not installed.
    VERSION = "0.1.0"
