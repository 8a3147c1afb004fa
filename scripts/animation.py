"""Captured terminal screens as one animated SVG: CSS alone, no script, and columns that align whatever the font.

A screen is what `tmux capture-pane -e -N -p` prints. Equal lines are written once. Every piece of text has its own place and
width, and the bars and rules of the screen are shapes, since fonts draw them with gaps.
"""
import re
import unicodedata
from xml.sax.saxutils import escape

CELL, LINE, SIZE = 8, 18, 13.5
MARGIN, CAPTION = 14, 44
GROUND, INK, QUIET, KEY = "#15181e", "#d3d7de", "#8b93a1", "#f2c14e"
BASE = ["#2b303b", "#e0707a", "#7fbf7f", "#e3b76b", "#78a9e6", "#bf8bd6", "#62b9c4", "#d3d7de",
        "#7b8494", "#ff8d97", "#9be09b", "#ffd485", "#9cc4ff", "#dcaaf0", "#86dbe6", "#ffffff"]
SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)m|\x1b\([0-9A-Z]|[\x0e\x0f]")
BARS = {" ": 0, **{sign: eighths for eighths, sign in enumerate("▁▂▃▄▅▆▇█", 1)}}


def color(number):
    """One of the terminal's 256 colors."""
    if number < 16:
        return BASE[number]
    if number >= 232:
        level = 8 + 10 * (number - 232)
        return "#" + f"{level:02x}" * 3
    number -= 16
    steps = [0, 95, 135, 175, 215, 255]
    return "#%02x%02x%02x" % (steps[number // 36], steps[number // 6 % 6], steps[number % 6])


class Look:
    """How a piece of text is shown."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.ink, self.ground = None, None
        self.bold = self.dim = self.underlined = self.reversed = False

    def apply(self, parameters):
        codes = [int(word) if word else 0 for word in re.split("[;:]", parameters)]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underlined", 7: "reversed"}[code], True)
            elif code in (22, 24, 27):
                for name in {22: ["bold", "dim"], 24: ["underlined"], 27: ["reversed"]}[code]:
                    setattr(self, name, False)
            elif code in (38, 48) and codes:
                kind = codes.pop(0)
                chosen = color(codes.pop(0)) if kind == 5 else "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
                setattr(self, "ink" if code == 38 else "ground", chosen)
            elif code in (39, 49):
                setattr(self, "ink" if code == 39 else "ground", None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.ink = BASE[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.ground = BASE[code - 40 if code < 100 else code - 92]

    @property
    def colors(self):
        ink, ground = self.ink or (QUIET if self.dim else INK), self.ground
        return (ground or GROUND, ink) if self.reversed else (ink, ground)


def cells(text):
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
               for sign in text)


def runs(line, look):
    """Column, text and look of each piece of a captured line; a look goes on in the next line, as tmux has it."""
    column, place, found = 0, 0, []
    pieces = list(SEQUENCE.finditer(line))
    for start, end, parameters in [(m.start(), m.end(), m.group(1)) for m in pieces] + [(len(line), len(line), None)]:
        text = line[place:start]
        if text:
            found.append((column, text, look.colors, look.bold, look.underlined))
            column += cells(text)
        if parameters is not None:
            look.apply(parameters)
        place = end
    return found


class Drawing:
    """Collects lines and frames, and writes them down."""

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.width = columns * CELL + 2 * MARGIN
        self.height = lines * LINE + 2 * MARGIN + CAPTION
        self.known, self.classes, self.frames = {}, {}, []

    def style(self, css):
        return self.classes.setdefault(css, f"c{len(self.classes)}")

    def line(self, captured, look):
        """The name of a line's drawing; None where there is nothing to draw."""
        parts = []
        for column, text, (ink, ground), bold, underlined in runs(captured, look):
            if ground and ground != GROUND:
                width = cells(text) * CELL
                parts.append(f'<path class="{self.style(f"fill:{ground}")}" d="M{column * CELL} 0h{width}v{LINE}h-{width}z"/>')
            if underlined:
                shape = f'M{column * CELL} {LINE - 2}h{cells(text) * CELL}v1h-{cells(text) * CELL}z'
                parts.append(f'<path class="{self.style(f"fill:{QUIET}")}" d="{shape}"/>')
            css = f"fill:{ink}" + (";font-weight:bold" if bold else "")
            parts += self.pieces(column, text, css, ink)
        drawn = "".join(parts)
        if not drawn:
            return None
        return self.known.setdefault(drawn, f"l{len(self.known)}")

    def pieces(self, column, text, css, ink):
        # Text falls apart at wide gaps, so that blanks never have to be as wide as the font makes them.
        for piece in re.finditer(r"[▁-█]+|─+|(?:(?!   |[▁-█─]).)+|  +", text):
            word, start = piece.group(), column + cells(text[:piece.start()])
            blank = len(word) - len(word.lstrip(" "))
            word, start = word.strip(" "), start + blank
            if not word:
                continue
            if word[0] == "─":
                width = len(word) * CELL
                yield f'<path class="{self.style(f"fill:{ink}")}" d="M{start * CELL} {LINE // 2}h{width}v1h-{width}z"/>'
            elif "▁" <= word[0] <= "█":
                shape = ""
                for index, sign in enumerate(word):
                    height = BARS[sign] * (LINE - 3) // 8
                    shape += f"M{(start + index) * CELL} {LINE - 2}v-{height}h{CELL - 1}v{height}z"
                yield f'<path class="{self.style(f"fill:{ink}")}" d="{shape}"/>'
            else:
                yield (f'<text class="{self.style(css)}" x="{start * CELL}" y="13" '
                       f'textLength="{cells(word) * CELL}">{escape(word)}</text>')

    def add(self, screen, key, words, seconds):
        """One more frame: the screen, the key that led to it, and what is to be seen."""
        look = Look()
        names = [self.line(line, look) for line in screen.split("\n")[:self.lines]]
        uses = "".join(f'<use href="#{name}" y="{row * LINE}"/>' for row, name in enumerate(names) if name)
        y = self.lines * LINE + 26
        badge = cells(key) * CELL + 16
        caption = (f'<rect x="0" y="{y - 17}" width="{badge}" height="24" rx="5" fill="none" stroke="{KEY}"/>'
                   f'<text x="8" y="{y}" textLength="{cells(key) * CELL}" fill="{KEY}">{escape(key)}</text>'
                   f'<text x="{badge + 12}" y="{y}" textLength="{cells(words) * CELL}" fill="{INK}">{escape(words)}</text>')
        self.frames.append((uses + caption, seconds))

    def svg(self, title, description):
        total = sum(seconds for _, seconds in self.frames)
        css = [f"text{{font:{SIZE}px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}}",
               f".f{{visibility:hidden;animation:{total:g}s step-end infinite}}"]
        css += [f".{name}{{{style}}}" for style, name in self.classes.items()]
        begun, groups = 0, []
        for number, (drawing, seconds) in enumerate(self.frames):
            start, end = 100 * begun / total, 100 * (begun + seconds) / total
            begun += seconds
            shown = f"{start:.2f}%{{visibility:visible}}" + (f"{end:.2f}%,to{{visibility:hidden}}" if end < 99.99 else "")
            first = "" if number == 0 else "0%{visibility:hidden}"
            css.append(f"@keyframes k{number}{{{first}{shown}}}#f{number}{{animation-name:k{number}}}")
            groups.append(f'<g class="f" id="f{number}">{drawing}</g>')
        # Where nothing moves, the picture is the second one: the first is the command alone.
        css.append("#f1{visibility:visible}@media(prefers-reduced-motion:reduce){.f{animation:none}}")
        lines = "".join(f'<g id="{name}">{drawing}</g>' for drawing, name in self.known.items())
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                f'width="{self.width}" height="{self.height}" role="img" aria-labelledby="t d">'
                f'<title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>'
                f'<style>{"".join(css)}</style><defs>{lines}</defs>'
                f'<rect width="{self.width}" height="{self.height}" rx="8" fill="{GROUND}"/>'
                f'<g transform="translate({MARGIN} {MARGIN})">{"".join(groups)}</g></svg>\n')
