"""A visitor reads the Hub's pages as a person does."""

from __future__ import annotations

from ec2spawner.demo.visitor.page import read_error, read_form

SPAWN_PAGE = """
<form id="other"><input name="q" value="no"></form>
<p class="spawn-error-msg alert alert-danger">Error: No machine of this size free
 &amp; no other.</p>
<form id="spawn_form" enctype="multipart/form-data"
      action="/hub/spawn/maria?_xsrf=a%7Cb">
  <input type="radio" name="profile" value="small" checked required />
  <input type="radio" name="profile" value="large" />
  <input type="hidden" name="token" value="t">
  <select name="zone"><option value="a">A</option><option value="b" selected>B</select>
  <input type="checkbox" name="spot"> <button type="submit">Start</button>
</form>
"""


def test_a_form_sends_what_is_chosen_on_the_page():
    form = read_form(SPAWN_PAGE, "spawn_form")
    assert form is not None
    assert form.action == "/hub/spawn/maria?_xsrf=a%7Cb"
    assert form.multipart
    assert form.fields == {"profile": "small", "token": "t", "zone": "b"}
    assert form.choices["profile"] == ["small", "large"]


def test_without_an_id_it_is_the_first_form():
    form = read_form(SPAWN_PAGE)
    assert form is not None and form.fields == {"q": "no"}


def test_a_page_without_a_form_has_none():
    assert read_form("<p>Your server is starting up.</p>") is None


def test_the_error_on_the_spawn_form_is_read():
    assert read_error(SPAWN_PAGE) == (
        "No machine of this size free & no other.",
        "No machine of this size free\n &amp; no other.",
    )


def test_the_error_of_a_failed_start_is_read():
    page = """<div class="text-center"><h1>Spawn failed</h1>
    <p>The latest attempt to start your server has failed.</p>
    <p>Ask <a href="mailto:admin">your admin</a>.</p></div>"""
    text, html = read_error(page) or ("", "")
    assert "The latest attempt to start your server has failed. Ask your admin." in text
    assert '<a href="mailto:admin">your admin</a>' in html


def test_the_error_of_a_start_that_failed_is_read_from_our_page():
    page = """<main><h1>Your machine did not start</h1>
    <p class="ec2-why"> AWS is <b>full</b>. </p><p>launch 1</p></main>"""
    assert read_error(page) == ("AWS is full.", "AWS is <b>full</b>.")


def test_an_error_page_is_read():
    page = (
        '<div class="error"><h1>400 : Bad Request</h1><p>is already running</p></div>'
    )
    assert read_error(page) is not None


def test_a_page_without_an_error_has_none():
    assert read_error("<p>Your server is starting up.</p>") is None
