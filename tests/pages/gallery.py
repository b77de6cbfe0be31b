"""The pictures of the docs: every main page by audience, their file names, and the page that shows them. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from service.auth.access_tokens import Audience

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
INDEX = PICTURES / "README.md"
LANGUAGES = ("zh-CN", "en")
THEMES = ("light", "dark")
SIZES = {"phone": (390, 600, 920), "desktop": (1_200, 700, 780)}
"""By size: the width of the window, and the least and the greatest height of a picture, in CSS pixels.

A longer page is shown up to the greatest height, so that all pictures together stay within `test_pictures.FOLDER_MAX`.
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page in one state, taken once for each language, theme and size."""

    name: str
    title: str
    path: str
    """The path to open; a name in braces is an address that `stage.prepare` has made for the language."""
    who: str = ""
    """The subject that signs in, "" for a public page."""

    def file(self, language: str, theme: str, size: str) -> str:
        """Return the file's name."""
        return f"{self.name}.{language}.{theme}.{size}.webp"

    @property
    def files(self) -> list[str]:
        """The names of all its files."""
        return [self.file(*chosen) for chosen in itertools.product(LANGUAGES, THEMES, SIZES)]


@dataclass(frozen=True, slots=True)
class Section:
    """The pictures of one audience."""

    title: str
    audience: Audience | None
    pictures: tuple[Picture, ...]


ME, DESK, ADMIN, OFFICER = "resident-4", "city-library-main", "admin-1", "officer-1"
BORROWER = "{borrower}"
"""A resident who can borrow without a deposit; another one in each language, since it is once a day."""
SECTIONS = (
    Section(
        "Everybody",
        None,
        (
            Picture("home", "The first page", "/"),
            Picture("earn", "How to earn points", "/earn"),
            Picture("public-benefits", "Benefits of the city", "/benefits"),
            Picture("scheme", "The scheme and its history", "/scheme"),
            Picture("figures", "Weekly figures with their noise", "/figures"),
            Picture("verify", "The logs, verified by the browser", "/logs"),
            Picture("never", "Uses that cannot be built", "/never"),
            Picture("help", "Help", "/help"),
            Picture("privacy", "Privacy", "/privacy"),
            Picture("accessibility", "Accessibility", "/accessibility"),
            Picture("offline", "No connection", "/offline"),
            Picture("sign-in", "Sign-in of the demonstration", "/me"),
            Picture("design", "All components", "/design"),
        ),
    ),
    Section(
        "Residents",
        Audience.RESIDENT,
        (
            Picture("points", "Points, and the next benefit", "/me", ME),
            Picture("points-new", "A newcomer's points, with a link code to type", "/me", "newcomer"),
            Picture("benefits", "Benefits by scene", "/me/benefits", ME),
            Picture("benefit", "One benefit", "/me/benefits/parking-free-minutes", ME),
            Picture("show", "Which code to show", "/me/show", BORROWER),
            Picture("ticket", "A code to show", "{ticket}", BORROWER),
            Picture("ticket-used", "A code that was used", "{used}", BORROWER),
            Picture("permissions", "Permissions", "/me/consents", "resident-1"),
            Picture("notice", "A notice with its summary", "{notice}", BORROWER),
            Picture("stop", "Stop, with its consequences", "{stop}", "resident-1"),
            Picture("stop-all", "Stop everything", "/me/consents/stop-all", "resident-1"),
            Picture("permissions-undo", "A stop that can be undone for a day", "/me/consents", "resident-6"),
            Picture("receipt", "A receipt", "{receipt}", "resident-1"),
            Picture("account", "Account", "/me/mine", "resident-1"),
            Picture("activity", "Activity: who used the information", "/me/accesses", "resident-1"),
            Picture("records", "Records, with the points of each", "/me/records", "resident-1"),
            Picture("objection-form", "An objection to a record", "{object}", "resident-1"),
            Picture("objections", "Objections", "/me/objections", "resident-1"),
            Picture(
                "complaint-form",
                "A complaint about a venue",
                "/me/complaints/new?benefit=library-deposit",
                "resident-1",
            ),
            Picture("complaints", "Complaints", "/me/complaints", "resident-1"),
            Picture("messages", "Messages", "/me/messages", "resident-6"),
            Picture("bookings", "Bookings", "/me/bookings", "resident-1"),
            Picture("slips", "Paper slips", "/me/slips", "resident-1"),
            Picture("bindings", "Places without a scan", "/me/bindings", "resident-1"),
            Picture("passes", "Offline passes", "/me/passes", "resident-1"),
            Picture("leave", "Leave", "/me/leave", ME),
            Picture("kiosk-welcome", "The kiosk", "/kiosk", ME),
            Picture("kiosk", "The kiosk, signed in", "/me/kiosk", "resident-1"),
        ),
    ),
    Section(
        "Venue desk",
        Audience.VENUE,
        (
            Picture("desk", "The desk, ready", "/desk", DESK),
            Picture("desk-valid", "Valid, not redeemed yet", "/desk#valid", DESK),
            Picture("desk-redeemed", "Redeemed", "/desk#redeemed", DESK),
            Picture("desk-standard", "Standard terms apply", "/desk#standard", DESK),
            Picture("desk-incomplete", "Not a complete code", "/desk#incomplete", DESK),
            Picture("desk-day", "Today by benefit", "/desk/day", DESK),
            Picture("desk-sessions", "Sessions", "/desk/sessions", "second-hospital-desk"),
            Picture("desk-wallet", "Asking a wallet app for a pass", "/desk/wallet", DESK),
            Picture("desk-complaints", "Complaints passed on", "/desk/complaints", DESK),
            Picture("desk-barrier", "A barrier, as a machine sees it", "/desk/barrier", "riverside-parking-1"),
        ),
    ),
    Section(
        "Administrators",
        Audience.ADMINISTRATOR,
        (
            Picture("overview", "Overview", "/admin", ADMIN),
            Picture("benefits-table", "Benefits as a table", "/admin/benefits", ADMIN),
            Picture("services-table", "Services and baselines", "/admin/services", ADMIN),
            Picture("document", "A document as people read it", "/admin/benefits/library-deposit", ADMIN),
            Picture("editor", "The editor, with previews", "/admin/benefits/library-deposit/edit", ADMIN),
            Picture(
                "editor-refused",
                "The editor names the rule that is broken",
                "/admin/benefits/library-deposit/edit#refused",
                ADMIN,
            ),
            Picture("scheme-editor", "A new scheme", "/admin/schemes/new", ADMIN),
            Picture("issuers-table", "Passes of other cities", "/admin/issuers", ADMIN),
            Picture("usage", "Use of benefits", "/admin/usage", ADMIN),
            Picture("staff-activity", "Staff activity", "/admin/activity", ADMIN),
            Picture("partner", "Add a partner", "/admin/partner", ADMIN),
            Picture("partner-begun", "A partner's checklist", "/admin/partner?provider=old-town-museum", ADMIN),
            Picture("packages", "Packages", "/admin/packages", ADMIN),
            Picture("exchange", "Import and export", "/admin/exchange", ADMIN),
        ),
    ),
    Section(
        "Privacy officers",
        Audience.PRIVACY,
        (
            Picture("board", "What is due", "/officer", OFFICER),
            Picture("objection", "An objection, both sides", "{objection}", OFFICER),
            Picture("review", "A review, with the words marked", "{review}", OFFICER),
            Picture("officer-objections", "Objections", "/officer/objections", OFFICER),
            Picture("officer-complaints", "Complaints", "/officer/complaints", OFFICER),
            Picture("officer-complaint", "A complaint", "{complaint}", OFFICER),
            Picture("cases", "Cases", "/officer/cases", OFFICER),
            Picture("case", "A case with its notes", "{case}", OFFICER),
            Picture("verification", "Verification, to print", "/officer/verification#verify", OFFICER),
            Picture("attempts", "Refused attempts", "/officer/attempts", OFFICER),
            Picture("source-sync", "Source sync", "/officer/propagations", OFFICER),
            Picture("officer-sources", "Sources", "/officer/sources", OFFICER),
            Picture("trends", "Trends", "/officer/trends", OFFICER),
            Picture("register", "Processing register", "/officer/register", OFFICER),
            Picture("self-audit", "Self-audit, to print", "/officer/self-audit", OFFICER),
        ),
    ),
)


def index() -> str:
    """Return the text of docs/pictures/README.md, which names every picture."""
    lines = [
        "# Pictures of every main page",
        "",
        "In 简体中文 and English, light and dark, on a phone and on a desktop, taken from the demonstration city by",
        "`python -m tests.pages.take_pictures`, which also writes this page. A long page is shown from its top.",
    ]
    for section in SECTIONS:
        lines += ["", f"## {section.title}"]
        for picture in section.pictures:
            phone, desktop = picture.file("zh-CN", "light", "phone"), picture.file("en", "light", "desktop")
            lines += [
                "",
                f"### {picture.title}",
                "",
                f'<img src="{phone}" width="195" alt="{picture.title}, on a phone, in Chinese">'
                f' <img src="{desktop}" width="600" alt="{picture.title}, on a desktop, in English">',
                "",
            ]
            for language, name in zip(LANGUAGES, ("简体中文", "English"), strict=True):
                links = [
                    f"[{theme}, {size}]({picture.file(language, theme, size)})"
                    for theme, size in itertools.product(THEMES, SIZES)
                ]
                lines.append(f"{name}: {' · '.join(links)}  ")
    return "\n".join(lines) + "\n"
