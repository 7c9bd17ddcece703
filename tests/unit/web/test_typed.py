"""What a person typed is put into a form's HTML again, whatever it was."""

from hypothesis import given
from hypothesis import strategies as st

from app.web.page.typed import fields_of, filled

NOTE = 'Café "A&B" </textarea><img src=x onerror=alert(1)>\nsecond line'
FORM = """<!DOCTYPE html>
<main><p>1 &lt; 2 &amp; 3</p>
<form method="post" action="/other"><input name="note" value="other"></form>
<form method="post">
<input type="hidden" name="idempotency_key" value="fresh">
<input name="note" value="old" aria-invalid="true">
<input name="note" value="second">
<input type="password" name="secret" value="">
<textarea name="reason" rows="3">old &amp; text</textarea>
<select name="carrier"><option value="">Choose</option><option value="ups" selected>UPS</option>
<option value="usps">USPS</option></select>
<input type="checkbox" name="order" value="1" checked><input type="checkbox" name="order" value="2">
<input type="radio" name="stock" value="a" checked><input type="radio" name="stock" value="b">
<button name="act" value="ship">Ship</button>
</form></main>"""


def test_each_kind_of_field_shows_what_was_typed() -> None:
    typed = [
        ("idempotency_key", "stale"), ("note", "one"), ("note", "two"), ("secret", "s"),
        ("reason", NOTE), ("carrier", "usps"), ("order", "2"), ("stock", "b"), ("gone", "x"),
    ]  # fmt: skip
    html = filled(FORM, "/orders/1/ship?store=2", typed)
    assert '<form method="post" action="/orders/1/ship?store=2">' in html
    assert '<input type="hidden" name="idempotency_key" value="fresh">' in html
    assert '<input name="note" value="one" aria-invalid="true">' in html
    assert '<input name="note" value="two">' in html
    assert '<input name="note" value="other">' in html
    assert '<input type="password" name="secret" value="">' in html
    assert "<img" not in html
    assert "Café &quot;A&amp;B&quot; &lt;/textarea&gt;" in html
    assert "old &amp; text" not in html
    assert '<option value="ups">UPS' in html
    assert '<option value="usps" selected>USPS' in html
    assert '<input type="checkbox" name="order" value="1">' in html
    assert '<input type="checkbox" name="order" value="2" checked>' in html
    assert '<input type="radio" name="stock" value="b" checked>' in html
    assert "<p>1 &lt; 2 &amp; 3</p>" in html


def test_a_key_of_an_earlier_form_is_not_carried_along() -> None:
    assert fields_of("idempotency_key=1&note=a%26b&empty=") == [("note", "a&b"), ("empty", "")]


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    html = filled(FORM, "/orders/1/ship", [("note", text), ("reason", text)])
    before = filled(FORM, "/orders/1/ship", [])
    for sign in "<>":
        assert html.count(sign) == before.count(sign)
