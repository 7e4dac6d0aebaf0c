"""Makes tests/golden/laser2_full and laser3 with LASER's own library, in a Python 3.8 to 3.10:

    pip install torch==1.12.1 --no-deps
    pip install laser-encoders==0.0.2 "numpy<1.24" requests
    python tests/golden/make_laser.py

Weights are random: what is compared is arithmetic, not quality. The texts and the SentencePiece
model are those of laser2_small. LASER2 at its true size would be 180 MB, so its weights are not
stored but drawn from a generator whose numbers do not change between versions of numpy.
"""

import argparse
import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
SMALL = FOLDER / "laser2_small"
SPM = SMALL / "laser2_small.spm"
FULL = {"num_embeddings": 50004, "embed_dim": 320, "hidden_size": 512, "num_layers": 5}

BASE = {
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 48,
    "encoder_layers": 2,
    "encoder_attention_heads": 4,
    "encoder_normalize_before": False,
    "encoder_learned_pos": False,
    "activation_fn": "relu",
    "max_source_positions": 512,
    "layernorm_embedding": False,
    "no_scale_embedding": False,
    "no_token_positional_embeddings": False,
    "prepend_bos": False,
    "left_pad_source": False,
    "sentemb_criterion": "maxpool",
    "dropout": 0.1,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "decoder_embed_dim": 32,
    "decoder_ffn_embed_dim": 48,
    "decoder_layers": 1,
    "decoder_attention_heads": 4,
    "max_target_positions": 512,
    "share_all_embeddings": False,
    "adaptive_input": False,
    "adaptive_softmax_cutoff": None,
    "encoder_layerdrop": 0.0,
    "quant_noise_pq": 0.0,
    "quant_noise_pq_block_size": 8,
    "quant_noise_scalar": 0.0,
    "offload_activations": False,
    "checkpoint_activations": False,
}
VARIANTS = {
    "max_post": {"layernorm_embedding": True},
    "cls_pre": {
        "sentemb_criterion": "cls",
        "prepend_bos": True,
        "left_pad_source": True,
        "encoder_normalize_before": True,
    },
    "max_pre_learned": {
        "encoder_normalize_before": True,
        "encoder_learned_pos": True,
        "left_pad_source": True,
        "activation_fn": "gelu",
        "no_scale_embedding": True,
    },
    "cls_post_whole": {"sentemb_criterion": "cls", "prepend_bos": True},
}
OWN_VOCABULARY = ("cls_pre", "cls_post_whole")


def laser2_full_state(tensor, pieces):
    """A checkpoint of LASER2's true size; ``tensor`` makes a tensor of an array."""
    random = np.random.RandomState(7)
    hidden, width = FULL["hidden_size"], FULL["embed_dim"]
    draw = lambda *shape: tensor((random.rand(*shape).astype(np.float32) - 0.5) * 0.12)  # noqa: E731
    model = {"embed_tokens.weight": draw(FULL["num_embeddings"], width)}
    for layer in range(FULL["num_layers"]):
        for end in ("", "_reverse"):
            into = width if layer == 0 else 2 * hidden
            model[f"lstm.weight_ih_l{layer}{end}"] = draw(4 * hidden, into)
            model[f"lstm.weight_hh_l{layer}{end}"] = draw(4 * hidden, hidden)
            model[f"lstm.bias_ih_l{layer}{end}"] = draw(4 * hidden)
            model[f"lstm.bias_hh_l{layer}{end}"] = draw(4 * hidden)
    rows = 4 + random.permutation(FULL["num_embeddings"] - 4)[: len(pieces)]
    dictionary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    dictionary.update(zip(pieces, rows.tolist()))  # noqa: B905
    params = {**FULL, "padding_idx": 1, "bidirectional": True}
    return {"params": params, "model": model, "dictionary": dictionary}


def texts():
    lines = (SMALL / "texts.jsonl").read_text("utf-8").split("\n")[:-1]
    return [json.loads(line)["text"] for line in lines]


def library_encoder(checkpoint, cvocab=None):
    from laser_encoders.models import SentenceEncoder

    return SentenceEncoder(
        str(checkpoint), spm_vocab=cvocab and str(cvocab), spm_model=SPM, cpu=True
    )


def make_laser2(folder):
    import torch

    folder.mkdir(exist_ok=True)
    checkpoint = folder / "made.pt"
    torch.save(laser2_full_state(torch.from_numpy, spm_pieces()), checkpoint)
    np.save(folder / "embeddings.npy", library_encoder(checkpoint)(texts()[::2]))
    checkpoint.unlink()


def spm_pieces():
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_file=str(SPM))
    names = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    return [piece for piece in names if piece not in ("<unk>", "<s>", "</s>", "<pad>")]


def make_laser3(folder):
    import torch
    from fairseq.data.dictionary import Dictionary
    from fairseq.models.transformer import Embedding, TransformerEncoder

    folder.mkdir(exist_ok=True)
    pieces = spm_pieces()
    random = np.random.RandomState(11)
    for name, step in (("laser2.cvocab", 23), ("own.cvocab", 41)):
        kept = [piece for i, piece in enumerate(random.permutation(pieces)) if i % step]
        (folder / name).write_text("".join(f"{p} {i + 1}\n" for i, p in enumerate(kept)), "utf-8")
    torch.manual_seed(3)
    found = {}
    for name, changes in VARIANTS.items():
        cfg = argparse.Namespace(**{**BASE, **changes})
        cvocab = folder / ("own.cvocab" if name in OWN_VOCABULARY else "laser2.cvocab")
        dictionary = Dictionary.load(str(cvocab))
        if cfg.encoder_normalize_before or name == "cls_post_whole":
            dictionary.add_symbol("<mask>")
        encoder = TransformerEncoder(cfg, dictionary, Embedding(len(dictionary), 32, 1))
        for key, value in encoder.named_parameters():
            if "norm" in key or key.endswith("bias"):
                torch.nn.init.normal_(value, mean=float("norm.weight" in key), std=0.2)
        weights = {
            key: value.half() if name == "cls_pre" else value
            for key, value in encoder.state_dict().items()
            if not any(fused in key for fused in (".in_proj_", ".out_proj_", ".fc1_", ".fc2_"))
        }
        if name == "cls_post_whole":  # as of a translation model, with a norm at the end
            weights["layer_norm.weight"] = 1 + 0.2 * torch.randn(32)
            weights["layer_norm.bias"] = 0.2 * torch.randn(32)
            weights = {f"encoder.{key}": value for key, value in weights.items()}
            weights["decoder.version"] = torch.tensor([3.0])
            weights["decoder.embed_tokens.weight"] = torch.randn(9, 32)
        torch.save({"cfg": {"model": cfg}, "model": weights}, folder / f"{name}.pt")
        library = library_encoder(folder / f"{name}.pt", cvocab)
        found[name] = library(texts())
        lines = [library.tokenizer(text) for text in texts()]
        found[f"{name}_ids"] = np.concatenate([library._tokenize(line) for line in lines])
        library.max_sentences = 16
        alike = np.abs(library(texts()) - found[name]).max()
        assert alike < 1e-5, f"{name}: batches of 16 differ by {alike}"
    np.savez_compressed(folder / "embeddings.npz", **found)


if __name__ == "__main__":
    make_laser2(FOLDER / "laser2_full")
    make_laser3(FOLDER / "laser3")
