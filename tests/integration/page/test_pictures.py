"""Every page has a picture in the documentation, and is visited by the sweep of accessibility."""

from tests.pictures.pages import PICTURES, WITHOUT_PICTURE
from tests.pictures.visit import page_routes, shows


def test_every_page_has_a_picture() -> None:
    missing = [
        path
        for path in page_routes()
        if path not in WITHOUT_PICTURE and not any(shows(each, path) for each in PICTURES)
    ]
    assert missing == [], "add them to tests/pictures/pages.py"


def test_each_picture_has_a_name_of_its_own() -> None:
    names = [each.name for each in PICTURES]
    assert sorted(set(names)) == sorted(names)
