"""A browser without scripts: it stores cookies, follows redirects, and submits forms with their fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx2

from service.auth.access_tokens import Audience
from service.web.auth.sign_in_sessions import PATHS
from tests.support.city import City

REDIRECTS_MAX = 6
UNBROKEN = re.compile(r'<span class="nowrap">([^<]*)</span>')
"""A text that pages keep in one line."""


@dataclass
class Form:
    """A form of a page: action, method, fields in order (name, value), and its visible text."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    missing: set[str] = field(default_factory=set)
    """Fields that must be filled in."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.inside: Form | None = None
        self.select: str | None = None
        self.option: tuple[str, bool] | None = None
        self.options: list[tuple[str, bool]] = []
        self.textarea: str | None = None
        self.link: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        name, value = attributes.get("name") or "", attributes.get("value") or ""
        if tag == "form":
            self.inside = Form(attributes.get("action") or "", attributes.get("method") or "get")
            self.forms.append(self.inside)
        elif tag == "a":
            self.link = attributes.get("href")
        elif self.inside is None:
            return
        elif tag == "input" and name:
            if attributes.get("type") not in ("radio", "checkbox") or "checked" in attributes:
                self.inside.fields.append((name, value))
        elif tag == "select":
            self.select, self.options = name, []
        elif tag == "option":
            self.options.append((value, "selected" in attributes))
        elif tag == "textarea":
            self.textarea = name
            self.inside.fields.append((name, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = None
        elif tag == "a":
            self.link = None
        elif tag == "textarea":
            self.textarea = None
        elif tag == "select" and self.inside is not None and self.select and self.options:
            chosen = next((value for value, selected in self.options if selected), self.options[0][0])
            self.inside.fields.append((self.select, chosen))
            self.select = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.link is not None:
            self.links.append((self.link, data.strip()))
        if self.inside is not None:
            self.inside.text += data
            if self.textarea:
                self.inside.fields[-1] = (self.textarea, data)


class Browser:
    """A browser of one person; `url`, `status` and `html` are those of the last answer. English by default."""

    def __init__(self, town: City, language: str = "en") -> None:
        self.town = town
        self.client = httpx2.AsyncClient(
            transport=town.client._transport,
            base_url="http://city.test",
            headers={"accept-language": language, "sec-fetch-site": "same-origin"},
        )
        self.url, self.status, self.html = "", 0, ""
        self._last_read: tuple[str, _Reader] = ("", _Reader())

    @property
    def text(self) -> str:
        """The visible text of the page."""
        return " ".join(" ".join(self._read().words).split())

    @property
    def forms(self) -> list[Form]:
        """The forms of the page."""
        return self._read().forms

    @property
    def links(self) -> list[tuple[str, str]]:
        """The links of the page: (address, text)."""
        return self._read().links

    def _read(self) -> _Reader:
        if self._last_read[0] != self.html:
            reader = _Reader()
            # A date is read as part of its sentence: the element around it breaks no word.
            reader.feed(UNBROKEN.sub(r"\1", self.html))
            self._last_read = (self.html, reader)
        return self._last_read[1]

    async def go(self, path: str) -> Browser:
        """Open a page."""
        return await self._follow(await self.client.get(path))

    async def sign_in(self, audience: Audience, who: str) -> Browser:
        """Sign in to an audience's pages: a resident by a typed name, staff and venues as a listed subject."""
        await self.go(PATHS[audience])
        chosen = {"typed": who} if audience is Audience.RESIDENT else {"subject": who}
        return await self.send("_form", **chosen)

    async def send(self, words: str, **fields: str) -> Browser:
        """Submit the first form with this text, action or field name; sign-out and language forms are skipped."""
        form = next(
            form
            for form in self.forms
            if form.action != "/me/sign-out"
            and not form.action.endswith("/sign-out")
            and "lang=" not in form.action
            and (words in form.text or words == form.action or words in dict(form.fields))
        )
        return await self.submit(form, **fields)

    async def submit(self, form: Form, **fields: str) -> Browser:
        """Submit a form with some of its fields replaced."""
        unchanged = [(name, value) for name, value in form.fields if name not in fields]
        address = urljoin(self.url, form.action.split("#")[0]) if form.action else self.url
        sent: dict[str, list[str]] = {}
        for name, value in [*unchanged, *fields.items()]:
            sent.setdefault(name, []).append(value)
        if form.method == "get":
            return await self._follow(await self.client.get(address, params=sent))
        return await self._follow(await self.client.post(address, data=sent))

    async def _follow(self, answer: httpx2.Response) -> Browser:
        for _ in range(REDIRECTS_MAX):
            if answer.status_code != 303:
                break
            answer = await self.client.get(urljoin(str(answer.url), answer.headers["location"]))
        self.url, self.status = str(answer.url), answer.status_code
        self.html = answer.text
        return self
