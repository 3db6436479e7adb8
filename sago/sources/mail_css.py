"""As much of CSS as says whether a text in a mail is seen: inline styles, simple selectors, colours."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator, Sequence
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
_LOOKED_AT = frozenset(
    [
        "background",
        "background-color",
        "background-image",
        "clip",
        "clip-path",
        "color",
        "display",
        "font",
        "font-size",
        "height",
        "left",
        "margin-left",
        "max-height",
        "max-width",
        "mso-hide",
        "opacity",
        "overflow",
        "position",
        "right",
        "text-indent",
        "top",
        "transform",
        "visibility",
        "width",
    ]
)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
_MARK = re.compile(r"([{};])")
_COMPOUND = re.compile(r"(?=[^\s])(?:[a-z][a-z0-9]*|\*)?(?:[.#][\w-]+)*", re.IGNORECASE)
_LAST = re.compile(r"([a-z][a-z0-9]*|\*)?((?:[.#][\w-]+)*)(?:[\[:][^>+~]*)?$", re.IGNORECASE)
_MOST_STEPS = 1_000_000
"""Elements looked at for rules with several names, in one mail; then those rules hide nothing more."""
_HEX = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b", re.IGNORECASE)
_DIGITS = r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_RGB = re.compile(
    rf"rgba?\(\s*({_DIGITS}%?)[\s,]+({_DIGITS}%?)[\s,]+({_DIGITS}%?)\s*(?:[,/]\s*({_DIGITS}%?)\s*)?\)", re.IGNORECASE
)
_HSL = re.compile(
    rf"hsla?\(\s*(-?{_DIGITS})(?:deg)?[\s,]+({_DIGITS})%[\s,]+({_DIGITS})%\s*(?:[,/]\s*({_DIGITS}%?)\s*)?\)"
)
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?")
_AWAY = re.compile(r"scale[xy]?\(0(?:\.0\d*)?[,)]|translate\w*\([^)]*-(?:[5-9]\d\d|\d{4,})")
_CLIPPED = re.compile(r"rect\(0|inset\((?:[5-9]\d|100)%|circle\(0")
_SEEN = 0.05
"""Of what is more transparent nothing is seen."""


def declarations(style: str) -> dict[str, str]:
    """Property → value, in small letters; of one that is `!important` also `!property`."""
    if not style:
        return {}
    said: dict[str, str] = {}
    plain = _COMMENT.sub(" ", _ESCAPE.sub(_unescape, style[:_LONGEST])).lower()
    for name, _, value in (each.partition(":") for each in plain.split(";")):
        kept, _, mark = value.partition("!")
        if kept.strip():
            said[name.strip()] = kept.strip()
            if mark.strip() == "important":
                said[f"!{name.strip()}"] = kept.strip()
    return said


def _unescape(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2]
    code = int(found[1], 16)
    return chr(code) if 0 < code < 0xD800 else " "


class Line(NamedTuple):
    """An element as selectors name it, and what it stands in."""

    marks: frozenset[str]
    """`p`, `.name` and `#id`."""
    above: Line | None = None


class _Rule(NamedTuple):
    path: tuple[frozenset[str], ...]
    """The marks of an element, and before them those of elements it stands in, however far up."""
    weight: tuple[int, ...]
    """How special it is, then its place in the sheets."""
    said: dict[str, str]


class Rules:
    """Style sheets: of selectors those by tag, class and id, alone or inside of others (`.head td p`). Of any
    other only that there may be a background counts: what they match is a guess, and a guess may hide words."""

    def __init__(self, sheets: Sequence[str]) -> None:
        """The rules for a screen as wide as it may be."""
        self._plain: dict[str, list[_Rule]] = {}
        self._nested: dict[str, list[_Rule]] = {}
        self._steps = _MOST_STEPS
        text = _COMMENT.sub(" ", "\n".join(sheets)[:_LONGEST])
        found: dict[tuple[frozenset[str], ...], dict[str, str]] = {}
        for selectors, body in _rules(text):
            said = {name: value for name, value in declarations(body).items() if name.lstrip("!") in _LOOKED_AT}
            for selector in selectors.split(","):
                if path := _path(selector):
                    found.setdefault(path, {}).update(said)
                elif "background" in body and (last := _LAST.search(selector.strip()[-200:])):
                    found.setdefault(_path(f"{last[1] or '*'}{last[2]}"), {})["background-image"] = "url()"
        for place, (path, said) in enumerate(found.items()):
            rule = _Rule(path, (*_weight(path), place), said)
            by_mark = self._plain if sum(map(len, path)) < 2 else self._nested
            by_mark.setdefault(max(path[-1], key=_key, default=""), []).append(rule)

    def of_element(self, line: Line) -> dict[str, str]:
        """What they say of an element, the more special last."""
        marks = ("", *line.marks)
        found = [rule for mark in marks for rule in self._plain.get(mark, ())]
        found += [rule for mark in marks for rule in self._nested.get(mark, ()) if self._is_of(rule, line)]
        if self._steps < 0:
            self._nested = {}
        said: dict[str, str] = {}
        for rule in sorted(found, key=lambda rule: rule.weight):
            said |= rule.said
        return said

    def _is_of(self, rule: _Rule, line: Line) -> bool:
        *above, last = rule.path
        self._steps -= 1
        at = line.above if last <= line.marks else None
        while above and at and self._steps > 0:
            self._steps -= 1
            if above[-1] <= at.marks:
                above.pop()
            at = at.above
        return last <= line.marks and not above


def _key(mark: str) -> tuple[bool, bool, str]:
    return mark.startswith("#"), mark.startswith("."), mark


def _weight(path: tuple[frozenset[str], ...]) -> tuple[int, ...]:
    """How special it is: its ids, its classes, its tags."""
    marks = [_key(mark)[:2] for compound in path for mark in compound]
    return tuple(marks.count(kind) for kind in ((True, False), (False, True), (False, False)))


def _path(selector: str) -> tuple[frozenset[str], ...]:
    """Its compounds; empty where it is of another sort."""
    compounds = selector.split()
    if not all(_COMPOUND.fullmatch(each) for each in compounds):
        return ()
    marks = (re.findall(r"[.#]?[^.#]+", each) for each in compounds)
    return tuple(frozenset(mark if mark[0] in ".#" else mark.lower() for mark in each if mark != "*") for each in marks)


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Selectors and declarations of each rule that holds on a screen; what is left open at the end ends there."""
    opened: list[str] = []
    hidden, said = 0, list[str]()
    pieces = _MARK.split(f"{text}}}}}")
    for piece, mark in zip(pieces[::2], pieces[1::2], strict=False):
        if mark == "{":
            opened.append(piece.strip())
            hidden += _is_elsewhere(opened[-1])
            said.clear()
            continue
        said.append(piece)
        if mark == "}" and opened:
            head = opened.pop()
            hidden -= _is_elsewhere(head)
            if not head.startswith("@") and not hidden:
                yield head, ";".join(said)
            said.clear()


def _is_elsewhere(head: str) -> bool:
    """Whether a block is a printer's, a narrow screen's or of another sort than `@media screen`."""
    about = head.lower()
    is_media = about.startswith("@media") and not re.search(r"print|width|prefers|device|\(", about)
    return about.startswith("@") and not is_media


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
        said = said | {name[1:]: value for name, value in said.items() if name[0] == "!"}
        if _is_out(said):
            return self.gone()
        look = self
        if size := _size(said):
            look = look._replace(is_tiny=_is_nothing(size, 1.0, of_letter=0.1))
        if visible := said.get("visibility"):
            look = look._replace(is_invisible=visible in ("hidden", "collapse"))
        if (ink := said.get("color")) and ink not in ("inherit", "currentcolor", "unset"):
            look = look._replace(ink=_colour(ink, look.ground))
        if any(name in said for name in ("background", "background-color", "background-image")):
            look = look._replace(ground=_ground(said, look.ground))
        return look


def _is_out(said: dict[str, str]) -> bool:
    if said.get("display") == "none" or said.get("mso-hide") == "all" or _is_nothing(said.get("opacity", ""), _SEEN):
        return True
    heights = ("height", "max-height", "width", "max-width")
    if said.get("overflow", "").startswith("hidden") and any(_is_nothing(said.get(name, ""), 1.0) for name in heights):
        return True
    is_placed = said.get("position") in ("absolute", "fixed")
    far = ["text-indent", "margin-left", *(("left", "top", "right") if is_placed else ())]
    if any(_number(said.get(name, "")) <= -500 for name in far):
        return True
    return _AWAY.search(said.get("transform", "").replace(" ", "")) is not None or any(
        _CLIPPED.search(said.get(name, "").replace(" ", "")) for name in ("clip", "clip-path")
    )


def _size(said: dict[str, str]) -> str:
    """Of the letters; the shorthand names it before the family."""
    if said.get("font-size"):
        return said["font-size"]
    found = re.search(r"(?:^|\s)(-?[\d.]+(?:px|pt|em|rem|%)?)(?:/|\s)", said.get("font", ""))
    return found[1] if found and not re.fullmatch(r"[1-9]00", found[1]) else ""


def _is_nothing(value: str, most: float, of_letter: float = 0.05) -> bool:
    """Whether a length is given and is at most so many pixels; of `em` and the like, at most so much of a letter."""
    if not _NUMBER.match(value):
        return False
    limit = most if value.endswith(("px", "pt")) or most < 1 else of_letter
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
        if len(digits) == 8 and int(digits[6:], 16) <= 255 * _SEEN:
            return ground
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if found := _RGB.search(value):
        red, green, blue = (
            min(255, int(_number(each) * (2.55 if each.endswith("%") else 1))) for each in found.group(1, 2, 3)
        )
        return ground if _is_clear(found[4]) else (red, green, blue)
    if found := _HSL.search(value):
        hue, strength, light = _number(found[1]) / 360, _number(found[2]) / 100, _number(found[3]) / 100
        red, green, blue = (int(255 * each) for each in colorsys.hls_to_rgb(hue % 1, min(1, light), min(1, strength)))
        return ground if _is_clear(found[4]) else (red, green, blue)
    return next((_NAMES[word] for word in value.split() if word in _NAMES), None)


def _is_clear(alpha: str | None) -> bool:
    return alpha is not None and _number(alpha) <= _SEEN * (100 if alpha.endswith("%") else 1)
