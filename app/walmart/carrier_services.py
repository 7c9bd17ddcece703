"""The names and services by which Commerce and people name Walmart's carriers; a closed table.

`carrier_names.py` reads it. A carrier that is not here is known by Walmart's own name alone. Texts
are in the form that `carrier_names.plain` makes: lower case, one space between words, no points.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.walmart.carriers import CARRIERS


@dataclass(frozen=True, slots=True)
class CarrierNames:
    """One of Walmart's carriers, and what it is called."""

    carrier: str
    """Walmart's spelling."""
    names: tuple[str, ...]
    """Each of them alone names the carrier."""
    source: str
    """Where the names and services are published."""
    services: tuple[str, ...] = ()
    """Words that may stand beside a name, and name no carrier by themselves."""


_WALMART = "Walmart, Ship Order Lines: trackingInfo.carrierName.carrier"
# The titles are the defaults of each carrier's etc/config.xml, the services are of these classes.
_MAGENTO_UPS = (
    "magento/magento2: Magento\\Ups\\Helper\\Config::getCodes; ups.com, Shipping Services"
)
_MAGENTO_USPS = (
    "magento/magento2: Magento\\Usps\\Model\\Carrier::getCode, ShippingMethodManager; usps.com, "
    "Mail & Shipping Services"
)
_MAGENTO_FEDEX = (
    "magento/magento2: Magento\\Fedex\\Model\\Carrier::getCode; fedex.com, Shipping Services"
)
_MAGENTO_DHL = "magento/magento2: Magento\\Dhl\\Model\\Carrier::getDhlProductTitle"

_UPS = CarrierNames(
    "UPS",
    ("ups", "united parcel service", "united parcel", "surepost", "ups surepost"),
    _MAGENTO_UPS,
    (
        *("ground", "ground commercial", "ground residential", "ground saver", "gnd", "gndcom"),
        *("gndres", "next day air", "next day air early", "next day air early am"),
        *("next day air early a m", "next day air saver", "next day air letter", "1 day"),
        *("next day air intra puerto rico", "2nd day air", "2nd day air am", "second day air"),
        *("second day air am", "2 day air", "2 day", "2nd day", "2nd day air letter"),
        *("3 day select", "three day select", "3 day", "standard", "canada standard", "express"),
        *("express saver", "express plus", "express early am", "expedited", "saver"),
        *("worldwide express", "worldwide express plus", "worldwide express plussm"),
        *("worldwide express saver", "worldwide express letter", "worldwide expedited"),
        *("worldwide saver", "worldwide economy", "worldwide express freight", "today standard"),
        *("today dedicated courier", "today dedicated courrier", "today intercity"),
        *("today express", "today express saver", "access point", "access point economy"),
        *("less than 1 lb", "1 lb or greater", "1 lb or more", "bpm", "bound printed matter"),
        *("media mail", "1dm", "1dml", "1da", "1dal", "1dapi", "1dp", "1dpl", "2dm", "2dml"),
        *("2da", "2dal", "3ds", "std", "xpr", "wxs", "xprl", "xdm", "xdml", "xpd", "01", "02"),
        *("03", "07", "08", "11", "12", "13", "14", "54", "59", "65", "82", "83", "84", "85"),
        "86",
    ),
)
_UPSMI = CarrierNames(
    "UPSMI",
    ("upsmi", "ups mi", "ups mail innovations", "mail innovations"),
    f"{_WALMART}: UPSMI (UPS Mail Innovations); ups.com, Mail Innovations",
    ("ups", "united parcel service", "expedited", "priority", "economy", "first class", "domestic"),
)
_USPS = CarrierNames(
    "USPS",
    (
        *("usps", "united states postal service", "us postal service", "us postal", "us mail"),
        *("priority mail", "priority mail express", "ground advantage", "parcel select"),
        *("first class package service", "stamps com", "stampscom", "endicia"),
    ),
    _MAGENTO_USPS,
    (
        *("priority", "express", "express mail", "priority express", "first class", "1 day"),
        *("2 day", "3 day"),
        *("first class mail", "first class package", "first class parcel", "1st class"),
        *("first class mail letter", "first class mail large envelope", "first class mail parcel"),
        *("first class mail postcards", "first class mail large postcards", "parcel post"),
        *("first class package international service", "first class package international"),
        *("retail ground", "standard post", "ground", "media mail", "media mail parcel"),
        *("library mail", "library mail parcel", "bound printed matter", "parcel", "commercial"),
        *("parcel select ground", "parcel select lightweight", "certified mail", "metered"),
        *("flat rate", "flat rate box", "flat rate boxes", "flat rate envelope", "small", "medium"),
        *("large", "small flat rate box", "medium flat rate box", "large flat rate box"),
        *("padded flat rate envelope", "padded", "legal flat rate envelope", "legal"),
        *("gift card flat rate envelope", "window flat rate envelope", "small flat rate envelope"),
        *("regional rate box a", "regional rate box b", "regional rate box c", "box", "envelope"),
        *("hold for pickup", "sunday holiday delivery", "international", "priority international"),
        *("global express guaranteed", "gxg", "global express guaranteed envelopes", "cubic"),
        *("0 fcle", "0 fcl", "0 fcsl", "0 fcp", "0 fcpc", "int", *map(str, range(62))),
        *("express mail international", "machinable", "nonstandard", "5 digit", "single piece"),
    ),
)
_FEDEX = CarrierNames(
    "FedEx",
    ("fedex", "fed ex", "federal express"),
    _MAGENTO_FEDEX,
    (
        *("ground", "home delivery", "ground home delivery", "2day", "2 day", "2day am"),
        *("2 day am", "2nd day", "express", "express saver", "standard overnight"),
        *("priority overnight", "first overnight", "first overnight extra hours", "overnight"),
        *("priority overnight extra hours", "standard overnight extra hours", "extra hours"),
        *("1 day freight", "2 day freight", "3 day freight", "freight", "national freight"),
        *("1day freight", "2day freight", "3day freight", "first overnight freight"),
        *("freight economy", "freight priority", "same day", "sameday", "same day city"),
        *("sameday city", "one rate", "international", "international economy"),
        *("international economy freight", "intl economy freight", "international first"),
        *("international ground", "international priority", "international priority express"),
        *("international priority freight", "intl priority freight", "intl economy"),
        *("intl priority", "international connect plus", "europe first priority"),
        *("europe first international priority", "regional economy", "ltl"),
    ),
)
_FEDEXSP = CarrierNames(
    "FEDEXSP",
    ("fedexsp", "smartpost", "smart post", "fedex ground economy", "fedex economy"),
    f"{_WALMART}: FEDEXSP (FedEx SmartPost); fedex.com: SmartPost is Ground Economy since 2021",
    (
        *("fedex", "fed ex", "federal express", "ground", "ground economy", "parcel select"),
        *("parcel select lightweight", "bound printed matter", "media", "media mail"),
        *("presorted standard", "presorted bound printed matter", "returns", "formerly known as"),
        "formerly",
    ),
)
_DHL = CarrierNames(
    "DHL",
    ("dhl", "dhl express", "dhl worldwide express"),
    _MAGENTO_DHL,
    (
        *("domestic express", "express worldwide", "worldwide", "express easy", "express 9 00"),
        *("express 10 30", "express 12 00", "express envelope", "economy select", "jumbo box"),
        *("medical express", "europack", "break bulk express", "freight worldwide", "same day"),
        *("sameday", "sprintline", "logistics services", "b2c", "worldwide express"),
        *("domestic express 9 00", "domestic express 12 00", "express worldwide nondoc"),
        *"123456789abcdefghijklmnopqrstuvwxy",
    ),
)
_DHL_ECOMMERCE = CarrierNames(
    "DHL Ecommerce - US",
    (
        *("dhl ecommerce us", "dhl ecommerce", "dhl ecommerce solutions", "dhl e commerce"),
        *("dhl global mail", "dhl globalmail", "dhl smartmail"),
    ),
    f"{_WALMART}; dhl.com/us-en/ecommerce: SmartMail, DHL Global Mail until 2014",
    (
        *("smartmail", "parcel", "parcel plus", "parcel ground", "parcel plus ground", "ground"),
        *("parcel expedited", "parcel plus expedited", "expedited", "expedited max", "max"),
        *("parcel expedited max", "bpm", "flats", "parcel international direct"),
        *("parcel international standard", "packet international", "usa"),
    ),
)
_ONTRAC = CarrierNames(
    "OnTrac",
    ("ontrac", "on trac"),
    "ontrac.com, Services",
    ("ground", "sunrise", "sunrise gold", "gold", "same day", "next day", "palletized freight"),
)
_LASERSHIP = CarrierNames(
    "LS",
    ("ls", "lasership", "laser ship"),
    f"{_WALMART}: LS (LaserShip); lasership.com, Services",
    ("next day", "same day", "ground"),
)
_CANADA_POST = CarrierNames(
    "Canada Post",
    ("canada post", "postes canada"),
    "canadapost-postescanada.ca, Web Services: service codes",
    (
        *("expedited", "expedited parcel", "expedited parcel usa", "xpresspost", "priority"),
        *("xpresspost usa", "xpresspost international", "regular parcel", "small packet usa air"),
        *("tracked packet usa", "tracked packet international", "tracked packet"),
    ),
)
_ROYAL_MAIL = CarrierNames(
    "Royal Mail",
    ("royal mail",),
    "royalmail.com, Sending",
    (
        *("1st class", "2nd class", "first class", "second class", "signed for", "tracked 24"),
        *("tracked 48", "special delivery", "special delivery guaranteed"),
        *("international tracked", "international signed", "international standard"),
    ),
)
# Carriers without known services: by another name than Walmart's.
_ALSO_CALLED = (
    ("UDS", "united delivery service", f"{_WALMART}: UDS (United Delivery Service)"),
    ("FIRST MILE", "firstmile", "firstmile.com"),
    ("RL Carriers", "r and l carriers", "rlcarriers.com"),
    ("RL Carriers", "r l carriers", "rlcarriers.com"),
    ("Estes Express", "estes express lines", "estes-express.com"),
    ("PILOT", "pilot freight services", "pilotdelivers.com"),
    ("SAIA", "saia ltl freight", "saia.com"),
    ("LSO", "lone star overnight", "lso.com"),
    ("Seko Worldwide", "seko logistics", "sekologistics.com"),
    ("ABF Freight System", "abf freight", "arcb.com"),
    ("AAA Cooper", "aaa cooper transportation", "aaacooper.com"),
    ("XPO Logistics", "xpo", "xpo.com"),
)
WITH_SERVICES = (
    *(_UPS, _UPSMI, _USPS, _FEDEX, _FEDEXSP, _DHL, _DHL_ECOMMERCE, _ONTRAC, _LASERSHIP),
    *(_CANADA_POST, _ROYAL_MAIL),
)


def table() -> Iterator[CarrierNames]:
    """Every carrier: those with services, other names, and each of Walmart's own names."""
    yield from WITH_SERVICES
    for carrier, name, source in _ALSO_CALLED:
        yield CarrierNames(carrier, (name,), source)
    for carrier in CARRIERS:
        yield CarrierNames(carrier, (carrier,), _WALMART)
