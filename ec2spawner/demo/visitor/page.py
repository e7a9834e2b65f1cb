"""What a browser reads in the Hub's pages: forms, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

_VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}


@dataclass
class Form:
    """A form as the page shows it: what pressing its button would send."""

    action: str = ""
    multipart: bool = False
    fields: dict[str, str] = field(default_factory=dict)
    #: every value of each group of radio buttons, in the order of the page
    choices: dict[str, list[str]] = field(default_factory=dict)


class _FormReader(HTMLParser):
    """Reads the first form, or the one with an id."""

    def __init__(self, form_id: str | None) -> None:
        super().__init__()
        self.form: Form | None = None
        self._form_id = form_id
        self._inside = False
        self._select = ""

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form" and self.form is None:
            if self._form_id in (None, values.get("id")):
                self._inside = True
                kind = values.get("enctype", "")
                self.form = Form(values.get("action", ""), "multipart" in kind)
        elif self._inside and self.form is not None:
            self._read_control(self.form, tag, values)

    def _read_control(self, form: Form, tag: str, values: dict[str, str]) -> None:
        name, value = values.get("name", ""), values.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in values or self._select not in form.fields:
                form.fields[self._select] = value
        elif tag == "input" and name:
            kind = values.get("type", "text")
            if kind in ("radio", "checkbox"):
                form.choices.setdefault(name, []).append(value)
                if "checked" in values:
                    form.fields[name] = value or "on"
            elif kind not in ("submit", "button", "image", "reset", "file"):
                form.fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""


def read_form(page: str, form_id: str | None = None) -> Form | None:
    """The form with this id, or the first one; None when there is none."""
    reader = _FormReader(form_id)
    reader.feed(page)
    return reader.form


class _ElementReader(HTMLParser):
    """Collects the inside of the first element of a class, as text and as HTML."""

    def __init__(self, css_class: str) -> None:
        super().__init__()
        self.text = self.html = ""
        self._class = css_class
        self._open: list[str] = []
        self._done = False

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        if self._done:
            return
        if self._open:
            self.html += self.get_starttag_text() or ""
        classes = (dict(attributes).get("class") or "").split()
        if (self._open or self._class in classes) and tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            return
        while self._open.pop() != tag:
            pass
        if self._open:
            self.html += f"</{tag}>"
        else:
            self._done = True

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text += data
            self.html += escape(data, quote=False)


def _element(page: str, css_class: str) -> tuple[str, str]:
    reader = _ElementReader(css_class)
    reader.feed(page)
    return " ".join(reader.text.split()), reader.html.strip()


def read_error(page: str) -> tuple[str, str] | None:
    """What a page of the Hub says went wrong, as (text, HTML); None if nothing did.

    Three templates tell it: ``spawn.html``, ``error.html``, and after a start that
    failed ``not_running.html``, JupyterHub's or ours.
    """
    text, html = _element(page, "spawn-error-msg")
    if not text:
        text, html = _element(page, "error")
    if not text:
        text, html = _element(page, "ec2-why")
    if not text and "Spawn failed" in page:
        text, html = _element(page, "text-center")
    if not text:
        return None
    for start in ("Error: ", "Spawn failed "):
        text, html = text.removeprefix(start), html.removeprefix(start)
    return text, html
