#!/usr/bin/env python3
"""Cost against size, measured by `bantam bench` and drawn as SVG, with the law that the points follow.

    bench/peers/plot.py --model MODEL.gguf --out docs/performance            # measures, draws, keeps cost.json
    bench/peers/plot.py --out docs/performance                               # draws again from cost.json there
    bench/peers/plot.py --model MODEL.gguf --out DIR --plots decode,width    # measures some, keeps the others

Decoding: time of a token against the tokens before it. LoRA training: time of a token, and peak tensor memory, against
tokens of a row; and time against the width of models that differ in nothing else. Needs no peer, only Python.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Plot:
    """y = a x^p + b x^q for the two powers of `law`: what the work must cost, no more."""

    name: str
    title: str
    x_title: str
    y_title: str
    law: tuple
    law_text: str  # of the two coefficients, {0} and {1}
    scale: tuple = (1, 1)  # of the coefficients in that text


PLOTS = [
    Plot("decode", "Decoding against context", "tokens of context", "milliseconds a token", (0, 1),
         "{0} ms + {1} ms for each thousand tokens of context", (1, 1e3)),
    Plot("train", "LoRA training against row length", "tokens of a row", "milliseconds a token", (0, 1),
         "{0} ms + {1} ms for each thousand tokens of a row", (1, 1e3)),
    Plot("memory", "LoRA training: memory against row length", "tokens of a row", "MiB of tensors at the peak", (0, 1),
         "{0} MiB + {1} MiB for each thousand tokens", (1, 1e3)),
    Plot("width", "LoRA training against width", "width of the model", "milliseconds a token", (1, 2),
         "{0} ms a thousand of width + {1} ms a thousand squared", (1e3, 1e6)),
]


# --- measuring


class Bench:
    def __init__(self, options):
        self.options = options
        self.machine = ""

    def run(self, words):
        command = [self.options.bantam, "bench", *words, "--repeat", self.options.repeat, "--json", "--quiet", "--no-run"]
        found = json.loads(subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout)
        device = found["device"]
        self.machine = f"{device['processor']}, {device['threads']} threads, {' '.join(device['features'])}"
        return found["rows"]

    def lora(self, model, lengths):
        shapes = ",".join(f"1x{length}" for length in lengths.split(","))
        return self.run(["train", model, "--mode", "lora", "--shape", shapes])

    def decode(self):
        rows = self.run(["model", self.options.model, "--only", "decode", "--generate", "64", "--depth",
                         self.options.contexts])
        return {"decode": curve(rows, lambda row: row["facts"]["depth"])}

    def train(self):
        rows = self.lora(self.options.model, self.options.lengths)
        length = lambda row: row["facts"]["length"]
        memory = [[length(row), row["peak_tensor_bytes"] / 2**20] for row in rows]
        return {"train": curve(rows, length), "memory": {"points": memory, "bound": []}}

    def width(self):
        """Random weights: speed does not depend on what they say."""
        rows, widths = [], [int(width) for width in self.options.widths.split(",")]
        for width in widths:
            with tempfile.TemporaryDirectory() as folder:
                model = Path(folder) / "model.gguf"
                subprocess.run([self.options.bantam, "model", "random", "--like", "smollm2-135m", "--width", str(width),
                                "--quant", "q4_1", "-o", model], check=True, stdout=subprocess.DEVNULL)
                rows += self.lora(model, "256")
        return {"width": curve(rows, lambda row: widths[rows.index(row)])}


def curve(rows, x_of):
    """Milliseconds a token, as measured and at the bound."""
    return {"points": [[x_of(row), 1e3 / row["value"]["median"]] for row in rows],
            "bound": [[x_of(row), 1e3 / row["bound"]] for row in rows]}


# --- the law


def fit(points, law):
    """Least squares of relative deviations: (a, b) of y = a x^p + b x^q, and the largest deviation."""
    p, q = law
    rows = [(x**p / y, x**q / y) for x, y in points]
    uu, uv, vv = (sum(u * u for u, _ in rows), sum(u * v for u, v in rows), sum(v * v for _, v in rows))
    u1, v1 = sum(u for u, _ in rows), sum(v for _, v in rows)
    determinant = uu * vv - uv * uv
    if len(points) < 2 or abs(determinant) < 1e-12 * uu * vv:
        sys.exit("plot.py: a law of two terms needs points at two sizes or more")
    a, b = (u1 * vv - v1 * uv) / determinant, (uu * v1 - uv * u1) / determinant
    return a, b, max(abs(a * u + b * v - 1) for u, v in rows)


# --- drawing

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 340, 72, 48, 64, 24

# Both schemes have a background of their own, so that the picture can be read wherever it is shown.
STYLE = """
  .paper { fill: #ffffff } .ink { fill: #1f2328 } .muted { fill: #59636e } .grid { stroke: #d1d9e0 }
  .law { stroke: #0969da } .dot { fill: #0969da } .bound { fill: none; stroke: #bc4c00 } .bound-text { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .ink { fill: #f0f6fc } .muted { fill: #9198a1 } .grid { stroke: #3d444d }
    .law { stroke: #4493f8 } .dot { fill: #4493f8 } .bound { stroke: #f0883e } .bound-text { fill: #f0883e }
  }
"""


def figure(value):
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def tick_figure(value, step):
    return f"{value:,.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"


def ticks(most):
    """Multiples of 1, 2, or 5 times a power of ten: four to eight of them up to `most`."""
    power = 10 ** math.floor(math.log10(most / 4))
    step = next(s * power for s in (1, 2, 5, 10) if most / (s * power) <= 8)
    return step, [i * step for i in range(int(most / step + 1e-9) + 1)]


def svg(plot, points, bound, note):
    a, b, off = fit(points, plot.law)
    law = lambda x: a * x ** plot.law[0] + b * x ** plot.law[1]
    most_x = 1.04 * max(x for x, _ in points)
    most_y = 1.1 * max(y for _, y in points + bound)
    at_x = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * x / most_x
    at_y = lambda y: HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * y / most_y
    law_text = plot.law_text.format(*(figure(value * scale) for value, scale in zip((a, b), plot.scale)))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
           'font-family="system-ui, sans-serif" font-size="12">',
           f"<title>{plot.title}</title>", f"<desc>{law_text}. {note}</desc>", f"<style>{STYLE}</style>",
           f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>']

    def text(x, y, words, kind="ink", anchor="start", more=""):
        out.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{words}</text>')

    text(LEFT, 22, plot.title, more='font-size="15" font-weight="600"')
    text(LEFT, 40, f"{law_text}; points within {100 * off:.0f} %", "muted")
    step, values = ticks(most_y)
    for y in values:
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at_y(y):.1f}" y2="{at_y(y):.1f}"/>')
        text(LEFT - 8, at_y(y) + 4, tick_figure(y, step), "muted", "end")
    step, values = ticks(most_x)
    for x in values:
        text(at_x(x), HEIGHT - BOTTOM + 18, tick_figure(x, step), "muted", "middle")
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, plot.x_title, anchor="middle")
    text(0, 0, plot.y_title, anchor="middle", more=f'transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"')

    path = " ".join(f"{at_x(x):.1f},{at_y(max(law(x), 0)):.1f}" for x in (most_x * i / 60 for i in range(61)))
    out.append(f'<polyline class="law" points="{path}" fill="none" stroke-width="2"/>')
    if bound:
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in sorted(bound))
        out.append(f'<polyline class="bound" points="{path}" stroke-width="1.5" stroke-dasharray="5 4"/>')
        x, y = max(bound)
        text(at_x(x), at_y(y) - 8, "bound", "bound-text", "end")
    for x, y in points:
        out.append(f'<circle class="dot" cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="4"/>')
    return "\n".join(out + ["</svg>"]) + "\n"


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bantam", default=str(HERE.parent.parent / "build" / "release" / "bantam"))
    parser.add_argument("--model", default="", help="measure this model; without it cost.json is drawn again")
    parser.add_argument("--plots", default="decode,train,width", help="what to measure; train is time and memory")
    parser.add_argument("--contexts", default="0,512,1024,2048,4096,8000")
    parser.add_argument("--lengths", default="128,256,512,1024,2048")
    parser.add_argument("--widths", default="192,384,576,768,960,1344", help="multiples of 192")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", required=True)
    return parser.parse_args()


def measure(options, cost):
    """Into `cost`, plot by plot: what was measured before an interruption stays."""
    bench, known = Bench(options), {"decode", "train", "width"}
    for name in options.plots.split(","):
        if name not in known:
            sys.exit(f"plot.py: no plot named '{name}' to measure; there are: {', '.join(sorted(known))}")
        curves = getattr(bench, name)()
        for one in curves.values():
            one["note"] = f"{bench.machine}, {Path(options.model).name if name != 'width' else 'random weights'}"
        cost.update(curves)
        (Path(options.out) / "cost.json").write_text(json.dumps(cost, indent=1) + "\n")


def main():
    options = parse_options()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "cost.json"
    cost = json.loads(file.read_text()) if file.exists() else {}
    if options.model:
        measure(options, cost)
    for plot in PLOTS:
        if plot.name not in cost:
            continue
        one = cost[plot.name]
        (out / f"{plot.name}.svg").write_text(svg(plot, one["points"], one["bound"], one["note"]))
        a, b, off = fit(one["points"], plot.law)
        print(f"{plot.name}: {a:.4g} x^{plot.law[0]} + {b:.4g} x^{plot.law[1]}, within {100 * off:.0f} %")


if __name__ == "__main__":
    main()
