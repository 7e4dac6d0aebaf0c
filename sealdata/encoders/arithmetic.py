"""The device and the number format in which an encoder computes."""

import warnings

import torch
from torch import nn

from sealdata.encoders import Device, Precision
from sealdata.errors import ConfigError

_HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def convert_network(network: nn.Module, device: torch.device, precision: Precision) -> nn.Module:
    """``network`` on ``device``, with weights and sums in ``precision``; may change it in place.

    ``int8`` stores the weights in 8 bits and rounds the inputs of each product to 8 bits too.

    Raises:
        ConfigError: the device does not support the format. ``int8`` needs a CPU, ``fp16`` a GPU.
    """
    # Dynamic quantisation: weights are rounded once, inputs by the range of each batch. That is why
    # an embedding in int8 depends on its batch.
    if precision == "int8":
        if device.type != "cpu":
            raise ConfigError('precision = "int8" runs on the CPU only; use "bf16" on a GPU')
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch announces a successor in another package
            quantised: nn.Module = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
                network, {nn.LSTM, nn.Linear}, dtype=torch.qint8
            )
        return quantised
    if precision == "fp16" and device.type == "cpu":
        raise ConfigError('precision = "fp16" runs on a GPU only; use "bf16" on the CPU')
    # fp32 is a conversion too: a file may hold its weights in 16 bits.
    moved = network.to(device=device, dtype=_HALF.get(precision, torch.float32))
    for module in moved.modules():
        if isinstance(module, nn.LSTM):
            module.flatten_parameters()  # cuDNN is slow, and warns, unless weights are one block
    return moved


def choose_device(device: Device) -> torch.device:
    """The CPU, or the GPU of this process: engines let a worker process see only its own.

    Raises:
        ConfigError: torch sees no GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError('device = "cuda": torch sees no GPU here; use device = "cpu"')
    # Without a number: the worker's environment shows it a single GPU.
    return torch.device(device)
