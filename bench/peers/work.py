"""The rows of the peers table: what each side is asked to do, and what ratio the project wants to reach."""

from dataclasses import dataclass


@dataclass
class Row:
    name: str  # for --rows and for the file that keeps its results
    text: str
    bantam: list  # words after the program
    peer: list  # words after the peer's script
    kind: str  # "llama", "torch" or "first_token"
    target: str = ""  # what the project wants: "2.2 x"
    rounds: int = 0  # at most; 0: as many as asked for
    repeat: int = 1  # measurements a round, after one that is thrown away
    lower_is_better: bool = False
    not_compared: str = ""  # why the peer does not run


def generating(model, prefix="", targets=True):
    """Rows of decoding and prompts that hold for any model."""
    wanted = lambda ratio: ratio if targets else ""
    return [
        Row(prefix + "decode", "decode, 1 stream, 128 tokens",
            ["bench", "model", model, "--only", "decode", "--generate", "128", "--depth", "0"],
            [model, "--work", "decode", "--tokens", "128", "--depth", "0"], "llama", wanted("2.2 x")),
        Row(prefix + "prompt", "prompt of 512 tokens",
            ["bench", "model", model, "--only", "prompt", "--prompt", "512"],
            [model, "--work", "prompt", "--tokens", "512"], "llama", wanted("5 x")),
    ]


def training(name, text, model, folder, mode, rows, length, target=""):
    """`folder` holds the same weights for PyTorch."""
    return Row(name, text, ["bench", "train", model, "--mode", mode, "--shape", f"{rows}x{length}", "--rank", "8"],
               [folder, "--mode", mode, "--rows", str(rows), "--length", str(length)], "torch", target)


def model_rows(model, work):
    folder, tiny, tiny_folder = work / "hf", work / "tiny-15m.gguf", work / "tiny-15m"
    return generating(model) + [
        Row("streams", "16 streams, 128 + 64 tokens",
            ["bench", "model", model, "--only", "batch", "--streams", "16", "--stream-prompt", "128",
             "--stream-generate", "64"],
            [model, "--work", "streams", "--streams", "16", "--prompt", "128", "--tokens", "64"], "llama", "5 x"),
        Row("deep", "decode at 8,000 tokens, the peer without flash attention",
            ["bench", "model", model, "--only", "decode", "--generate", "128", "--depth", "8000"],
            # Its flash attention, which it chooses by itself, decodes at two thirds of this speed at 4,000 tokens already.
            [model, "--work", "decode", "--tokens", "128", "--depth", "8000", "--flash-attention", "off"], "llama", "2.5 x",
            rounds=2, repeat=3),
        training("full_2x256", "full training, 2 x 256, AdamW", model, folder, "full", 2, 256, "2 x"),
        training("full_1x2048", "full training, 1 x 2,048, AdamW", model, folder, "full", 1, 2048, "2 x"),
        training("lora_8x64", "LoRA r=8 all linears, 8 x 64", model, folder, "lora", 8, 64, "2 x"),
        training("lora_2x256", "LoRA r=8 all linears, 2 x 256", model, folder, "lora", 2, 256, "2 x"),
        Row("first_token", "first token from process start, warm files", [model], [model], "first_token", "150 ms",
            lower_is_better=True),
        training("scratch_15m", "15M model from scratch, 16 x 256", tiny, tiny_folder, "full", 16, 256, "2 x"),
    ]


# Parameters of the shapes of `bantam model random`, in thousand millions: what decides whether PyTorch's f32 fits.
PARAMETERS = {"tiny-15m": 0.015, "smollm2-135m": 0.135, "smollm2-360m": 0.362, "qwen2.5-0.5b": 0.494,
              "llama-3.2-1b": 1.24, "qwen2.5-1.5b": 1.54, "llama-3.2-3b": 3.21}


def larger_rows(shape, work, peer_memory):
    """Random weights of a known shape; no targets. PyTorch is left out where its f32 weights alone exceed
    `peer_memory` bytes."""
    model = work / f"{shape}.gguf"
    lora = training(f"{shape}:lora_2x256", "LoRA r=8 all linears, 2 x 256", model, work / shape, "lora", 2, 256)
    weights = 4e9 * PARAMETERS.get(shape, 0)
    if weights > peer_memory:
        lora.not_compared = (f"PyTorch's f32 weights alone take {weights / 2**30:.0f} GiB, "
                             f"more than {peer_memory / 2**30:.0f} GiB")
    return generating(model, f"{shape}:", targets=False) + [lora]
