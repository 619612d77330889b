#!/usr/bin/env python3
"""Cost against size, measured by `bantam bench` and drawn as SVG, with the law that the points follow.

    bench/peers/plot.py --model MODEL.gguf --out docs/performance      # measures, then draws
    bench/peers/plot.py --out docs/performance                         # draws again from cost.json there

Decoding: seconds a token against tokens of context. Training (LoRA): seconds a token, and peak tensor memory, against
tokens of a row. Each is fitted by a straight line, which is what attention costs at least: a token reads (or meets)
every token before it.
"""

import argparse
import json
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 480, 300, 64, 44, 40, 16


def bench(program, words):
    command = [str(word) for word in [program, "bench"] + words + ["--json", "--quiet", "--no-run"]]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(program, model, repeat):
    decode = bench(program, ["model", model, "--only", "decode", "--generate", "64", "--repeat", repeat,
                             "--depth", "0,512,1024,2048,4096,8000"])
    train = bench(program, ["train", model, "--mode", "lora", "--repeat", repeat,
                            "--shape", "1x128,1x256,1x512,1x1024,1x2048"])
    machine = decode["device"]
    return {
        "machine": f"{machine['processor']}, {machine['threads']} threads, {' '.join(machine['features'])}",
        "model": decode["model"],
        "decode": [[row["facts"]["depth"], 1e3 / row["value"]["median"]] for row in decode["rows"]],
        "decode_bound": [[row["facts"]["depth"], 1e3 / row["bound"]] for row in decode["rows"]],
        "train": [[row["facts"]["length"], 1e3 / row["value"]["median"]] for row in train["rows"]],
        "train_bound": [[row["facts"]["length"], 1e3 / row["bound"]] for row in train["rows"]],
        "train_memory": [[row["facts"]["length"], row["peak_tensor_bytes"] / 2**20] for row in train["rows"]],
    }


def line(points):
    """Least squares y = a + b x, and the largest deviation from it as a share of y."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    start = mean_y - slope * mean_x
    return start, slope, max(abs(start + slope * x - y) / y for x, y in points)


def ticks(most, count=4):
    step = 10 ** len(str(int(most / count))) / 10
    step = next(s for s in (step, 2 * step, 2.5 * step, 5 * step, 10 * step) if most / s <= count + 1)
    return [i * step for i in range(int(most / step) + 1)]


def figure(value):
    return f"{value:,.0f}" if value >= 10 or value == 0 or value == int(value) else f"{value:.1f}"


def svg(title, x_title, y_title, points, bound):
    start, slope, off = line(points)
    most_x = max(x for x, _ in points) * 1.04
    most_y = max(y for _, y in points + bound) * 1.12
    at_x = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * x / most_x
    at_y = lambda y: HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * y / most_y
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{title}</text>',
           f'<text x="{LEFT}" y="32" fill="#666">{figure(start)} + {1000 * slope:.2f} a thousand; points within {100 * off:.0f} % of the line</text>']
    for x in ticks(most_x):
        out.append(f'<text x="{at_x(x):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{figure(x)}</text>')
    for y in ticks(most_y):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at_y(y):.1f}" y2="{at_y(y):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{at_y(y) + 4:.1f}" text-anchor="end">{figure(y)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{x_title}</text>')
    out.append(f'<text transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{y_title}</text>')
    out.append(f'<line x1="{at_x(0):.1f}" y1="{at_y(max(start, 0)):.1f}" x2="{at_x(most_x):.1f}" '
               f'y2="{at_y(start + slope * most_x):.1f}" stroke="#2b6cb0"/>')
    for x, y in points:
        out.append(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" fill="#2b6cb0"/>')
    for i, (x, y) in enumerate(bound):
        out.append(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="2.5" fill="none" stroke="#c05621"/>')
    if bound:
        out.append(f'<text x="{WIDTH - RIGHT}" y="18" text-anchor="end" fill="#2b6cb0">measured</text>')
        out.append(f'<text x="{WIDTH - RIGHT}" y="32" text-anchor="end" fill="#c05621">bound</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bantam", default=str(HERE.parent.parent / "build" / "release" / "bantam"))
    parser.add_argument("--model", default="", help="measure this model; without it cost.json is drawn again")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    if options.model:
        (out / "cost.json").write_text(json.dumps(measure(options.bantam, options.model, options.repeat), indent=1) + "\n")
    cost = json.loads((out / "cost.json").read_text())
    for name, title, x_title, y_title, bound in [
        ("decode", "Decoding against context", "tokens of context", "milliseconds a token", "decode_bound"),
        ("train", "LoRA training against row length", "tokens of a row", "milliseconds a token", "train_bound"),
        ("train_memory", "LoRA training: memory against row length", "tokens of a row", "MiB of tensors", None),
    ]:
        points = cost[name]
        (out / f"{name}.svg").write_text(svg(title, x_title, y_title, points, cost[bound] if bound else []))
        print(f"{name}: {line(points)[0]:.3g} + {line(points)[1]:.3g} x")


if __name__ == "__main__":
    main()
