"""JSON of several packages in one request: its body, its answer, and its preview."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from app.domain.orders.requests import ShipRequest
from app.storage.queries.views import LineUnitsView, ShipmentView
from app.usecases.orders.preview_shipment import Preview
from app.web.v1.fields import In, Out
from app.web.v1.shipment_schemas import PreviewOut, ShipmentIn

MOST_PACKAGES = 50


class PackagesIn(In):
    """The packages of one order that leave together."""

    packages: Annotated[list[ShipmentIn], Field(min_length=1, max_length=MOST_PACKAGES)]

    def to_requests(self) -> list[ShipRequest]:
        """Convert to the requests that the rules take, each with its place in the body."""
        return [
            replace(each.to_request(), pointer=f"/packages/{place}")
            for place, each in enumerate(self.packages)
        ]


class PackagesOut(Out):
    """The shipment of each package, in the order of the request."""

    data: list[ShipmentView]


class PackagePreviewOut(PreviewOut):
    """One of several packages: the request that it would send, its problems and its units."""

    items: list[LineUnitsView] = Field(description="The units that would be in the package.")

    @classmethod
    def one_of(cls, preview: Preview) -> "PackagePreviewOut":
        """Convert the preview of a package."""
        units = [LineUnitsView(item.line_number, item.quantity) for item in preview.items]
        return cls(**dict(PreviewOut.of(preview)), items=units)


class PackagesPreviewOut(Out):
    """Several packages: all of them would be accepted, or none."""

    would_be_accepted: bool
    packages: list[PackagePreviewOut]

    @classmethod
    def of_all(cls, previews: Sequence[Preview]) -> "PackagesPreviewOut":
        """Convert the previews of the packages."""
        return cls(
            would_be_accepted=not any(each.problems for each in previews),
            packages=[PackagePreviewOut.one_of(each) for each in previews],
        )
