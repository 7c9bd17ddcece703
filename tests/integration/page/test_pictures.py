"""Every page has a picture in the documentation, and is visited by the sweep of accessibility."""

from tests.pictures.pages import PICTURES, WITHOUT_PICTURE
from tests.pictures.take import FOLDER, MOST_BYTES
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


def test_the_pictures_are_of_these_pages_and_small() -> None:
    files = sorted(FOLDER.glob("*"))
    pages = {each.name for each in PICTURES}
    strays = [file.name for file in files if file.stem.rsplit("-", 2)[0] not in pages]
    assert strays == [], "delete them"
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
