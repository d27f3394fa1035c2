"""Make the folder of a tiny Llama model that needs nothing from outside: `model.py FOLDER`.

The weights are random, of a fixed seed, and large enough that an answer depends on the whole
prompt: KV that is lost or mixed up on its way shows in the text. (vLLM's own dummy weights are so
small that the last token alone decides.) The tokenizer knows all bytes and a few pieces of words;
the chat template renders tools, all messages and the open turn.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ["<|bos|>", "<|eos|>", "<|pad|>", "<|im_start|>", "<|im_end|>"]
END_OF_TURN = "<|im_end|>"
PIECES = [
    "the quick brown fox jumps over the lazy dog",
    "a key value cache moves from one engine to another",
    "Hello world, how are you? The weather in Oslo is fine.",
    '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo", "days": 3}}\n</tool_call>',
]
TEMPLATE = (
    "{%- if tools %}<|im_start|>system\nTools:\n"
    "{%- for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{%- if not (loop.last and continue_final_message) %}<|im_end|>\n{% endif %}{% endfor %}"
    "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD, INNER = 128, 3, 4, 2, 32, 256
CONTEXT = 4096


def make_tokenizer(folder: Path) -> Tokenizer:
    """A byte-level BPE tokenizer with a few merges, and its configuration."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(PIECES * 20, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[0],
        "eos_token": END_OF_TURN,
        "pad_token": SPECIAL[2],
        "chat_template": TEMPLATE,
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
    return tokenizer


def make_config(folder: Path, tokenizer: Tokenizer) -> None:
    """The model's shape, and the tokens that begin and end texts."""
    ends = {"bos_token_id": 0, "eos_token_id": tokenizer.token_to_id(END_OF_TURN)}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD,
        "intermediate_size": INNER,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "attention_bias": False,
        "mlp_bias": False,
        **ends,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "generation_config.json").write_text(json.dumps(ends))


def make_weights(folder: Path, tokenizer: Tokenizer) -> None:
    """Random weights, the same at every call."""
    vocabulary = tokenizer.get_vocab_size()
    generator = torch.Generator().manual_seed(7)

    def matrix(rows: int, columns: int, scale: float) -> torch.Tensor:
        return torch.randn(rows, columns, generator=generator) * scale / columns**0.5

    head = matrix(vocabulary, HIDDEN, 3)
    # Parts of characters are said seldom enough for text to be text.
    for token in range(vocabulary):
        if "\ufffd" in tokenizer.decode([token]):
            head[token] *= 0.75
    weights = {
        "model.embed_tokens.weight": torch.randn(vocabulary, HIDDEN, generator=generator),
        "model.norm.weight": torch.ones(HIDDEN),
        "lm_head.weight": head,
    }
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        weights |= {
            at + "input_layernorm.weight": torch.ones(HIDDEN),
            at + "self_attn.q_proj.weight": matrix(HEADS * HEAD, HIDDEN, 1.5),
            at + "self_attn.k_proj.weight": matrix(KV_HEADS * HEAD, HIDDEN, 1.5),
            at + "self_attn.v_proj.weight": matrix(KV_HEADS * HEAD, HIDDEN, 1.5),
            at + "self_attn.o_proj.weight": matrix(HIDDEN, HEADS * HEAD, 1.5),
            at + "post_attention_layernorm.weight": torch.ones(HIDDEN),
            at + "mlp.gate_proj.weight": matrix(INNER, HIDDEN, 1),
            at + "mlp.up_proj.weight": matrix(INNER, HIDDEN, 1),
            at + "mlp.down_proj.weight": matrix(HIDDEN, INNER, 1),
        }
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})


def main() -> None:
    """Make every file of the model."""
    if len(sys.argv) != 2:
        sys.exit("Usage: model.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(folder)
    make_config(folder, tokenizer)
    make_weights(folder, tokenizer)


if __name__ == "__main__":
    main()
