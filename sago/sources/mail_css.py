"""As much of CSS as says whether a text in a mail is seen: inline styles, simple selectors, colours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

Colour = tuple[int, int, int]
_WHITE: Colour = (255, 255, 255)
_NEAR = 24
"""Of 255 in each channel: what differs by less is not read."""
_LONGEST = 200_000
_NAMES: dict[str, Colour] = {
    "white": _WHITE,
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "navy": (0, 0, 128),
    "orange": (255, 165, 0),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245),
    "windowtext": (0, 0, 0),
    "window": _WHITE,
}
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_AT_BLOCK = re.compile(r"@([^{};]*)(?:;|\{((?:[^{}]*\{[^{}]*\})*[^{}]*)\})")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SELECTOR = re.compile(r"(?:^|[\s>+~])([a-z][a-z0-9]*|\*)?([.#][\w-]+)?$", re.IGNORECASE)
_HEX = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b", re.IGNORECASE)
_RGB = re.compile(
    r"rgba?\(\s*(\d{1,9})[\s,]+(\d{1,9})[\s,]+(\d{1,9})\s*(?:[,/]\s*(\d{1,9}\.?\d{0,9}|\.\d{1,9})%?\s*)?\)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")


def declarations(style: str) -> dict[str, str]:
    """Property → value, in small letters."""
    if not style:
        return {}
    plain = _COMMENT.sub(" ", _ESCAPE.sub(_unescape, style[:_LONGEST])).lower().replace("!important", "")
    pairs = (each.partition(":") for each in plain.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def _unescape(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0xD800 else " "


class Rules(NamedTuple):
    """Style sheets, of which the last simple part of a selector counts."""

    by_selector: dict[str, dict[str, str]]

    @classmethod
    def of(cls, sheets: Sequence[str]) -> Rules:
        """The rules for a screen as wide as it may be."""
        text = _COMMENT.sub(" ", "\n".join(sheets)[:_LONGEST])
        found: dict[str, dict[str, str]] = {}
        for selectors, body in _RULE.findall(_AT_BLOCK.sub(_of_screen, text)):
            said = declarations(body)
            for selector in selectors.split(","):
                if simple := _SELECTOR.search(selector.strip()):
                    tag, mark = (simple[1] or "").lower(), simple[2] or ""
                    found.setdefault(f"{'' if tag == '*' else tag}{mark}", {}).update(said)
        return cls(found)

    def of_element(self, tag: str, names: Sequence[str], identity: str) -> dict[str, str]:
        """What they say of an element, the more special last."""
        said: dict[str, str] = {}
        marks = ["", *(f".{name}" for name in names), *([f"#{identity}"] if identity else [])]
        for mark in marks:
            for selector in (mark, f"{tag}{mark}"):
                said |= self.by_selector.get(selector, {}) if selector else {}
        return said


def _of_screen(found: re.Match[str]) -> str:
    """The rules inside `@media screen`; nothing of a printer's, a narrow screen's or of another sort."""
    about = found[1].lower()
    return (
        found[2] or "" if about.startswith("media") and not re.search(r"print|width|prefers|device|\(", about) else ""
    )


class Look(NamedTuple):
    """How a text looks that stands in an element."""

    is_gone: bool = False
    """With all that is in it; the others are taken back by what an element inside says of itself."""
    is_tiny: bool = False
    is_invisible: bool = False
    ink: Colour | None = (0, 0, 0)
    ground: Colour | None = _WHITE
    """None where it is not known: a picture."""

    @property
    def is_seen(self) -> bool:
        return not (self.is_gone or self.is_tiny or self.is_invisible or self._is_ground_in_ink())

    def _is_ground_in_ink(self) -> bool:
        if self.ink is None or self.ground is None:
            return False
        return max(abs(a - b) for a, b in zip(self.ink, self.ground, strict=True)) < _NEAR

    def gone(self) -> Look:
        return self._replace(is_gone=True)

    def with_(self, said: dict[str, str]) -> Look:
        """The look inside, by an element's declarations."""
        if not said:
            return self
        if _is_out(said):
            return self.gone()
        look = self
        if size := _size(said):
            look = look._replace(is_tiny=_is_nothing(size, 1.0))
        if visible := said.get("visibility"):
            look = look._replace(is_invisible=visible in ("hidden", "collapse"))
        if (ink := said.get("color")) and ink not in ("inherit", "currentcolor", "unset"):
            look = look._replace(ink=_colour(ink, look.ground))
        if any(name in said for name in ("background", "background-color", "background-image")):
            look = look._replace(ground=_ground(said, look.ground))
        return look


def _is_out(said: dict[str, str]) -> bool:
    if said.get("display") == "none" or said.get("mso-hide") == "all" or _is_nothing(said.get("opacity", ""), 0.05):
        return True
    heights = ("height", "max-height", "width", "max-width")
    if said.get("overflow", "").startswith("hidden") and any(_is_nothing(said.get(name, ""), 1.0) for name in heights):
        return True
    is_placed = said.get("position") in ("absolute", "fixed")
    far = ["text-indent", "margin-left", *(("left", "top", "right") if is_placed else ())]
    if any(_number(said.get(name, "")) <= -500 for name in far):
        return True
    return said.get("transform", "").replace(" ", "").startswith("scale(0") or "rect(0" in said.get("clip", "")


def _size(said: dict[str, str]) -> str:
    """Of the letters; the shorthand names it before the family."""
    if said.get("font-size"):
        return said["font-size"]
    found = re.search(r"(?:^|\s)(-?[\d.]+(?:px|pt|em|rem|%)?)(?:/|\s)", said.get("font", ""))
    return found[1] if found and not re.fullmatch(r"[1-9]00", found[1]) else ""


def _is_nothing(value: str, most: float) -> bool:
    """Whether a length is given and is at most so many pixels; of `em` and the like, none at all."""
    if not _NUMBER.match(value):
        return False
    limit = most if value.endswith(("px", "pt")) or most < 1 else 0.05
    return abs(_number(value)) <= limit


def _number(value: str) -> float:
    found = _NUMBER.match(value)
    return float(found[0]) if found else 0.0


def _ground(said: dict[str, str], before: Colour | None) -> Colour | None:
    if "url(" in said.get("background", "") + said.get("background-image", "") or "gradient" in str(said):
        return None
    value = said.get("background-color") or said.get("background") or ""
    return before if value in ("none", "transparent", "inherit", "initial", "unset", "") else _colour(value, before)


def _colour(value: str, ground: Colour | None) -> Colour | None:
    """None where it is not known."""
    if "transparent" in value:
        return ground
    if found := _HEX.search(value):
        digits = found[1] if len(found[1]) > 4 else "".join(each * 2 for each in found[1])
        if len(digits) == 8 and digits[6:] == "00":
            return ground
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if found := _RGB.search(value):
        if found[4] and float(found[4]) == 0:
            return ground
        return min(255, int(found[1])), min(255, int(found[2])), min(255, int(found[3]))
    return next((_NAMES[word] for word in value.split() if word in _NAMES), None)
