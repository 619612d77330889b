"""From kept rounds to medians, and from medians to the Markdown table of docs/performance.md."""

import statistics
from pathlib import Path


def summary(row, kept):
    """Of a row's rounds: medians, the median of their ratios, what else the last round knows.

    Ratios are taken round by round: a shared machine is slow for both sides of a round, not of all rounds."""
    ours, theirs = kept.rounds["ours"], kept.rounds["theirs"]
    middle = lambda runs, key: statistics.median(run[key] for run in runs)
    out = {"name": row.name, "work": row.text, "unit": ours[0]["unit"], "target": row.target, "rounds": len(ours),
           "bantam": middle(ours, "rate"), "bantam_runs": [run["rate"] for run in ours], "details": ours[-1],
           "not_compared": row.not_compared or kept.failed}
    for key in ("share", "bound", "peak_resident_bytes", "peak_tensor_bytes", "estimate_bytes"):
        if ours[0].get(key) is not None:
            out[key] = middle(ours, key)
    if ours[0].get("bound_by"):
        out["bound_by"] = ours[-1]["bound_by"]
    if theirs:
        out["peer"] = middle(theirs, "rate")
        out["peer_runs"] = [run["rate"] for run in theirs]
        out["peer_engine"], out["peer_features"] = theirs[-1]["engine"], theirs[-1]["features"]
        out["peer_settings"] = theirs[-1].get("settings", {})
        out["peer_peak_resident_bytes"] = middle(theirs, "peak_resident_bytes")
        ratios = [our["rate"] / their["rate"] for our, their in zip(ours, theirs)]
        out["ratio_runs"] = [1 / ratio for ratio in ratios] if row.lower_is_better else ratios
        out["ratio"] = statistics.median(out["ratio_runs"])
    return out


def figure(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def mebibytes(value):
    return "" if value is None else f"{value / 2**20:,.0f} MiB"


def ratio_text(row):
    if "ratio" not in row:
        return ""
    runs = row["ratio_runs"]
    spread = f" ({min(runs):.2f} to {max(runs):.2f})" if len(runs) > 1 else ""
    return f"{row['ratio']:.2f} x{spread}"


def line(row):
    unit = row["unit"]
    peer = f"{figure(row['peer'])} {unit}" if "peer" in row else "not run" if row["not_compared"] else ""
    ratio = ratio_text(row)
    share = f"{100 * row['share']:.0f} % of {row['bound_by']}" if "share" in row else ""
    memory = mebibytes(row.get("peak_resident_bytes"))
    if memory and "peer" in row:
        memory += " / " + mebibytes(row["peer_peak_resident_bytes"])
    shape, _, _ = row["name"].partition(":")
    title = row["work"] if shape == row["name"] else f"{shape}: {row['work']}"
    return f"| {title} | {figure(row['bantam'])} {unit} | {peer} | {ratio} | {row['target']} | {share} | {memory} |"


def settings_text(settings):
    if not settings:
        return ""
    return (f"; flash attention {settings['flash_attention']}, keys and values {' and '.join(settings['kv_types'])}, "
            f"{settings['threads']} threads")


def markdown(result):
    rounds = sorted({row["rounds"] for row in result["rows"]})
    counted = f"{rounds[0]} to {rounds[-1]} rounds" if len(rounds) > 1 else f"{rounds[0]} rounds" if rounds else ""
    lines = [f"Machine: {result['machine']}. {result['date']}, {counted}, model {result['model']}.", ""]
    lines += ["| work | Bantam | peer | ratio | wanted | of the bound | memory, Bantam / peer |",
              "| --- | --: | --: | --: | --: | --: | --: |"]
    lines += [line(row) for row in result["rows"]]
    engines = sorted({f"{row['peer_engine']} ({row['peer_features']}){settings_text(row['peer_settings'])}"
                      for row in result["rows"] if "peer" in row})
    lines += [""] + [f"- {engine}" for engine in engines]
    lines += [f"- {row['name']}: {row['not_compared']}" for row in result["rows"] if row["not_compared"]]
    return "\n".join(lines) + "\n"


def put_into(page, name, table):
    """Between <!-- NAME --> and <!-- end of NAME -->."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    text = Path(page).read_text()
    if begin not in text or end not in text:
        raise RuntimeError(f"{page}: expected the lines '{begin.strip()}' and '{end}'")
    head, rest = text.split(begin, 1)
    Path(page).write_text(head + begin + table + end + rest.split(end, 1)[1])
