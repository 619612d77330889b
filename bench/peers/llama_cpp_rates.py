"""One measurement of llama.cpp: prints a JSON object with seconds of each repetition.

    llama_cpp_rates.py MODEL.gguf --work decode --tokens 128 --depth 0
    llama_cpp_rates.py MODEL.gguf --work prompt --tokens 512
    llama_cpp_rates.py MODEL.gguf --work streams --streams 16 --prompt 128 --tokens 64
    llama_cpp_rates.py MODEL.gguf --work first_token

Calls the C functions of llama-cpp-python where it is installed, else the server of xllamacpp. One repetition is thrown
away before those that count, as `bantam bench` does. Random token ids, greedy decoding, end tokens ignored. Everything
that is not named here stays at llama.cpp's defaults; "settings" in the result says what they are.
"""

import argparse
import importlib.metadata
import json
import os
import random
import sys
import threading
import time
import urllib.request


# Numbers of enumerations in settings: types that keys and values may have, when flash attention is used.
GGML_TYPES = {0: "f32", 1: "f16", 8: "q8_0", 30: "bf16"}
FLASH_ATTENTION = {-1: "auto", 0: "off", 1: "on"}


def settings(threads, params, flash_attention, key_type, value_type):
    name = lambda value: GGML_TYPES.get(int(value), str(value))
    return {"threads": threads, "flash_attention": FLASH_ATTENTION.get(int(flash_attention), str(flash_attention)),
            "kv_types": [name(key_type), name(value_type)], "batch": params.n_batch, "ubatch": params.n_ubatch}


def peak_rss():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class NativeLlama:
    """llama-cpp-python's C interface: no server between the clock and the model."""

    def __init__(self, path, threads, context, streams, flash_attention):
        import llama_cpp as c

        self.c = c
        c.llama_log_set(self._silence(), None)
        c.llama_backend_init()
        model = c.llama_model_default_params()
        model.n_gpu_layers = 0
        self.model = c.llama_model_load_from_file(path.encode(), model)
        if not self.model:
            sys.exit(f"llama_cpp_rates.py: {path} does not load")
        params = c.llama_context_default_params()
        params.n_ctx = context * streams
        params.n_batch = max(2048, streams)
        params.n_ubatch = 512
        params.n_seq_max = streams
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = flash_attention
        self.context = c.llama_init_from_model(self.model, params)
        self.memory = c.llama_get_memory(self.context)
        self.vocabulary = c.llama_vocab_n_tokens(c.llama_model_get_vocab(self.model))
        self.batch = c.llama_batch_init(params.n_batch, 0, 1)
        self.most = params.n_batch
        self.sampler = c.llama_sampler_init_greedy()
        self.build = "llama.cpp of llama-cpp-python " + c.__version__
        self.features = c.llama_print_system_info().decode().strip()
        self.settings = settings(threads, params, params.flash_attn_type, params.type_k, params.type_v)

    def _silence(self):
        self._callback = self.c.llama_log_callback(lambda level, text, data: None)
        return self._callback

    def _decode(self, entries):
        """entries: (token, position, sequence, wants logits)."""
        batch = self.batch
        batch.n_tokens = len(entries)
        for i, (token, position, sequence, wanted) in enumerate(entries):
            batch.token[i] = token
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = wanted
        if self.c.llama_decode(self.context, batch) != 0:
            sys.exit("llama_cpp_rates.py: llama_decode failed")

    def _read(self, prompts):
        """Reads prompts of all sequences end to end; returns each one's first token."""
        first = [0] * len(prompts)
        pending = [(t, i, s, i == len(p) - 1) for s, p in enumerate(prompts) for i, t in enumerate(p)]
        for begin in range(0, len(pending), self.most):
            part = pending[begin : begin + self.most]
            self._decode(part)
            for row, (_, _, sequence, wanted) in enumerate(part):
                if wanted:
                    first[sequence] = self.c.llama_sampler_sample(self.sampler, self.context, row)
        return first

    def _write(self, tokens, position, count):
        for step in range(count):
            self._decode([(t, position + step, s, True) for s, t in enumerate(tokens)])
            tokens = [self.c.llama_sampler_sample(self.sampler, self.context, row) for row in range(len(tokens))]

    def prompt(self, prompt):
        self.c.llama_memory_clear(self.memory, True)
        start = time.perf_counter()
        self._read([prompt])
        return time.perf_counter() - start

    def decode(self, prompt, tokens):
        """Seconds of tokens - 1 passes: the first token comes from the prompt's logits."""
        if getattr(self, "held", None) != prompt:
            self.c.llama_memory_clear(self.memory, True)
            self.first = self._read([prompt])
            self.held = prompt
        else:
            self.c.llama_memory_seq_rm(self.memory, 0, len(prompt), -1)
        start = time.perf_counter()
        self._write(self.first, len(prompt), tokens - 1)
        return time.perf_counter() - start

    def streams(self, prompts, tokens):
        self.c.llama_memory_clear(self.memory, True)
        start = time.perf_counter()
        self._write(self._read(prompts), len(prompts[0]), tokens - 1)
        return time.perf_counter() - start


class ServerLlama:
    """xllamacpp's server, over HTTP on this machine; its own clock tells prompt from answer."""

    def __init__(self, path, threads, context, streams, flash_attention):
        import xllamacpp as x

        params = x.CommonParams()
        params.model.path = path
        params.n_ctx = context * streams
        params.n_parallel = streams
        params.n_batch = 2048
        params.n_ubatch = 512
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        params.flash_attn_type = type(params.flash_attn_type)(flash_attention)
        params.n_gpu_layers = 0
        params.verbosity = -1
        params.warmup = True
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        self.server = x.Server(params)
        self.url = self.server.listening_address
        self.vocabulary = None
        self.build = "llama.cpp of xllamacpp " + importlib.metadata.version("xllamacpp")
        self.features = x.get_system_info().strip()
        self.settings = settings(threads, params, params.flash_attn_type, params.cache_type_k, params.cache_type_v)

    def _complete(self, prompt, tokens, cache):
        body = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": cache,
                "samplers": ["top_k"], "top_k": 1}
        request = urllib.request.Request(self.url + "/completion", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=3600) as reply:
            return json.load(reply)["timings"]

    def prompt(self, prompt):
        return self._complete(prompt, 1, False)["prompt_ms"] / 1e3

    def decode(self, prompt, tokens):
        timings = self._complete(prompt, tokens, True)
        # predicted_n counts the first token, whose time belongs to the prompt.
        return timings["predicted_ms"] / 1e3 * (tokens - 1) / timings["predicted_n"]

    def streams(self, prompts, tokens):
        threads = [threading.Thread(target=self._complete, args=(p, tokens, False)) for p in prompts]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start


def engine():
    try:
        import llama_cpp  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return ServerLlama
    return NativeLlama


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--work", choices=["prompt", "decode", "streams", "first_token"], required=True)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--depth", type=int, default=0)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--flash-attention", choices=list(FLASH_ATTENTION.values()), default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()

    numbers = random.Random(1234)
    ids = lambda count: [numbers.randrange(10, 250) for _ in range(count)]  # ids that any vocabulary has
    make = engine()
    flash_attention = next(number for number, name in FLASH_ATTENTION.items() if name == options.flash_attention)
    streams = options.streams if options.work == "streams" else 1
    context = {"prompt": options.tokens + 8, "decode": max(options.depth, 1) + options.tokens + 8,
               "streams": options.prompt + options.tokens + 8, "first_token": 64}[options.work]
    seconds = []
    if options.work == "first_token":
        for _ in range(options.repeat + 1):
            start = time.perf_counter()
            llama = make(options.model, options.threads, context, 1, flash_attention)
            llama.prompt(ids(1))
            seconds.append(time.perf_counter() - start)
        counted = 1
    else:
        llama = make(options.model, options.threads, context, streams, flash_attention)
        prompt = ids(max(options.depth, 1))
        for _ in range(options.repeat + 1):
            if options.work == "prompt":
                seconds.append(llama.prompt(ids(options.tokens)))
            elif options.work == "decode":
                seconds.append(llama.decode(prompt, options.tokens))
            else:
                seconds.append(llama.streams([ids(options.prompt) for _ in range(streams)], options.tokens))
        counted = {"prompt": options.tokens, "decode": options.tokens - 1, "streams": streams * options.tokens}[options.work]
    print(json.dumps({"engine": llama.build, "features": llama.features, "settings": llama.settings,
                      "seconds": seconds[1:], "tokens": counted, "peak_resident_bytes": peak_rss()}), flush=True)
    os._exit(0)  # the server's threads have nothing left to say


if __name__ == "__main__":
    main()
