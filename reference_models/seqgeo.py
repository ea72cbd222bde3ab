"""SeqGeo (WACV 2023): a transformer over the frames of a sequence.

Letters: B batch, T frames, D embedding.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torchvision.models import vgg16

from geobench.errors import ConfigError, closest
from geobench.layers.backbones import RESNETS, make_trunk
from geobench.layers.inputs import check_choice, input_spec
from geobench.losses import soft_margin_triplet
from geobench.model import (
    Batch,
    CrossViewModel,
    InputSpec,
    ModelCard,
    PublishedTensor,
    Rows,
    masked_mean,
)
from geobench.registry import register_model

WIDTHS = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "vgg16": 4096}
SMALL_WIDTH = 256
SEQUENTIAL_DROPOUT = ("masked", "none", "released")


class FrameExtractor(nn.Module):
    """A picture to one vector, with the published parameter names.

    Args:
        backbone: "vgg16" (to its second fully connected layer), a ResNet (to its
            average pool) or "small".
        grid: rows and columns that the small one pools to; each column becomes a
            D / columns part of the vector, so that the azimuth of things is kept.
        width: D of the small one.
    """

    def __init__(self, backbone: str, *, grid: tuple[int, int], width: int) -> None:
        super().__init__()
        self.featureExtractor = _extractor(backbone, grid=grid, width=width)
        if backbone != "small":
            self.featureExtractor.architecture = backbone  # whose weights fit it

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] to [B, D]."""
        return self.featureExtractor(image).flatten(1)


def _extractor(backbone: str, *, grid: tuple[int, int], width: int) -> nn.Module:
    if backbone == "vgg16":
        network = vgg16(weights=None)
        network.classifier = network.classifier[:4]
        return network
    if backbone in RESNETS:
        return nn.Sequential(*list(RESNETS[backbone](weights=None).children())[:-1])
    if backbone != "small":
        known = [*WIDTHS, "small"]
        raise ConfigError(
            f"SeqGeo has no backbone {backbone!r}. {closest(backbone, known)}"
        )
    trunk = make_trunk("small")
    channels = trunk[-2].num_features
    rows, columns = grid
    if width % columns:
        raise ConfigError(
            f"The {columns} columns of the grid do not divide the width {width}. "
            "Choose a multiple."
        )
    # One linear map shared by all columns: both views lay azimuth along them, so only
    # channels are left to be matched, not places.
    column = nn.Conv2d(channels, width // columns, (rows, 1), bias=False)
    return nn.Sequential(
        trunk,
        nn.AdaptiveAvgPool2d(grid),
        column,
        nn.Flatten(),
        nn.BatchNorm1d(width),
    )


class FramePosition(nn.Module):
    """Adds the sinusoid of each frame's place in the sequence."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        angle = torch.arange(frames)[:, None] * torch.exp(
            torch.arange(0, width, 2) * (-math.log(10_000.0) / width)
        )
        table = torch.zeros(1, frames, width)
        table[0, :, 0::2] = torch.sin(angle)
        table[0, :, 1::2] = torch.cos(angle)
        self.register_buffer("pe", table)
        self.dropout = nn.Dropout(0.1)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, T, D] to the same, T at most the frames it was made for."""
        return self.dropout(tokens + self.pe[:, : tokens.shape[1]])


class FrameMixer(nn.Module):
    """The temporal feature aggregation: an encoder over frames, then a mean.

    Args:
        width: D.
        frames: the longest sequence.
        shape: layers (0 leaves mixing and positions out), heads and feed-forward width.
        dropout: within the encoder.
        bias_only: dropped frames get one added to their attention logits instead of
            being masked, as in the released code.
    """

    def __init__(
        self,
        width: int,
        frames: int,
        *,
        shape: tuple[int, int, int],
        dropout: float,
        bias_only: bool,
    ) -> None:
        super().__init__()
        self.bias_only = bias_only
        self.Transformer = (
            _encoder(width, shape=shape, dropout=dropout) if shape[0] else None
        )
        self.positionalEncoding = FramePosition(width, frames)

    def forward(self, tokens: Tensor, kept: Tensor) -> Tensor:
        """[B, T, D] and bool [B, T], one kept in each row, to [B, D]."""
        if self.Transformer is None:
            return masked_mean(tokens, kept)
        dropped = (~kept).to(tokens.dtype) if self.bias_only else ~kept
        mixed = self.Transformer(
            self.positionalEncoding(tokens), src_key_padding_mask=dropped
        )
        return masked_mean(mixed, kept)


def _encoder(
    width: int, *, shape: tuple[int, int, int], dropout: float
) -> nn.TransformerEncoder:
    layers, heads, feed_forward = shape
    layer = nn.TransformerEncoderLayer(
        width,
        heads,
        dim_feedforward=feed_forward,
        dropout=dropout,
        # Not the string: PyTorch recognises that one and takes a fused path in
        # evaluation, which reads a float mask as a boolean one.
        activation=torch.relu,
        batch_first=True,
        norm_first=True,
    )
    norm = nn.LayerNorm(width, eps=1e-6)
    return nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False)


@register_model("seqgeo")
class SeqGeo(CrossViewModel):
    """SeqGeo; the defaults are the published network but for its sequential dropout.

    As released, sequential dropout masks nothing: its float mask adds one to the
    attention logits of dropped frames, which are only left out of the final mean, and
    the number of frames at test has no effect. "masked" does what the paper describes.

    Args:
        backbone: of frames and tile, not shared: "vgg16" (the paper's best),
            "resnet18", "resnet34", "resnet50" or "small".
        dataset: "vermont", the paper's; its pictures are 180 x 320.
        max_frames: frames of a full sequence.
        layers: TFAM blocks; 0 averages the frames' vectors.
        heads: attention heads.
        feed_forward: width of the encoder's inner layer.
        dropout: within the encoder, in [0, 1).
        sequential_dropout: "masked", "released" or "none", in training; under
            "released" frames that are not there also leak at test, as they did.
        max_dropped: most frames dropped in a training step.
        width: D; only for the small backbone, the others bring theirs.
        grid: rows and columns the small backbone pools to; it expects polar tiles,
            whose columns are azimuths as those of a canvas are.
        inputs: fields of `InputSpec`.
    """

    card = ModelCard(
        title="SeqGeo",
        paper="Zhang et al., Cross-View Image Sequence Geo-localization, WACV 2023",
        year=2023,
    )
    published_parts = (("GFE",), ("SFE",), ("trans",))

    def __init__(
        self,
        *,
        backbone: str = "vgg16",
        dataset: str = "vermont",
        max_frames: int = 7,
        layers: int = 6,
        heads: int = 8,
        feed_forward: int = 2048,
        dropout: float = 0.3,
        sequential_dropout: str = "masked",
        max_dropped: int | None = None,
        width: int = SMALL_WIDTH,
        grid: tuple[int, int] = (4, 16),
        **inputs: Any,
    ) -> None:
        super().__init__()
        check_choice("dataset", dataset, ("vermont",))
        published = InputSpec(ground_size=(180, 320), satellite_size=(256, 256))
        self.inputs = input_spec(published, inputs)
        self.sequential_dropout = check_choice(
            "sequential_dropout", sequential_dropout, SEQUENTIAL_DROPOUT
        )
        self.max_frames = max_frames
        self.max_dropped = max_frames - 1 if max_dropped is None else max_dropped
        self.embedding_dim = WIDTHS.get(backbone, width)
        if layers and self.embedding_dim % heads:
            raise ConfigError(
                f"{heads} heads do not divide the width {self.embedding_dim}. "
                "Choose another number of heads."
            )
        rows, columns = grid
        self.ground_cnn = FrameExtractor(backbone, grid=(rows, columns), width=width)
        self.satellite_cnn = FrameExtractor(backbone, grid=(rows, columns), width=width)
        self.mixer = FrameMixer(
            self.embedding_dim,
            max_frames,
            shape=(layers, heads, feed_forward),
            dropout=dropout,
            bias_only=sequential_dropout == "released",
        )

    @classmethod
    def published_arguments(cls, parts: tuple[str, ...]) -> dict[str, Any]:
        """The authors' weights were trained with dropout that masks nothing."""
        return {"sequential_dropout": "released"}

    def published_tensors(self) -> dict[str, PublishedTensor]:
        """Each of our three networks is one of the authors' files."""
        part = {"ground_cnn": "GFE", "satellite_cnn": "SFE", "mixer": "trans"}
        found = {}
        for ours in self.state_dict():
            network, _, rest = ours.partition(".")
            found[ours] = PublishedTensor(name=f"{part[network]}.{rest}")
        return found

    def embed_ground(self, ground: Tensor, frame_mask: Tensor) -> Tensor:
        """[B, T, 3, H, W] and bool [B, T], T at most `max_frames`, to [B, D].

        Frames keep their place in the sequence: to show the middle one of seven, pass
        all seven and a mask.

        Raises:
            ConfigError: if there are more frames than the model was made for.
        """
        if ground.shape[1] > self.max_frames:
            raise ConfigError(
                f"A sequence has {ground.shape[1]} frames, this SeqGeo was made for at "
                f"most {self.max_frames}. Choose fewer frames, or build it with more."
            )
        kept = self._drop(frame_mask) if self.training else frame_mask
        return self._embed_frames(ground, kept)

    def _embed_frames(self, ground: Tensor, kept: Tensor) -> Tensor:
        seen = torch.ones_like(kept) if self.mixer.bias_only else kept
        vectors = self.ground_cnn(ground[seen])
        tokens = vectors.new_zeros(*kept.shape, self.embedding_dim)
        tokens[seen] = vectors
        return normalize(self.mixer(tokens, kept), dim=1)

    def embed_satellite(
        self, satellite: Tensor, attention: Tensor | None = None
    ) -> Tensor:
        """[B, 3, H, W] to unit rows [B, D]."""
        return normalize(self.satellite_cnn(satellite), dim=1)

    def augment(self, batch: Batch) -> Batch:
        """Choose the frames that sequential dropout keeps, for the whole batch."""
        if not self.training:
            return batch
        return batch | {"kept": self._drop(batch["frame_mask"])}

    def describe(self, batch: Batch) -> Rows:
        """Vectors of the sequences' kept frames and of their tiles."""
        kept = batch.get("kept", batch["frame_mask"])
        return {
            "ground": self._embed_frames(batch["ground"], kept),
            "satellite": self.embed_satellite(batch["satellite"]),
        }

    def terms(self, rows: Rows) -> dict[str, Tensor]:
        """Triplet loss; the diagonal is kept as in the released code."""
        loss = soft_margin_triplet(
            rows["satellite"], rows["ground"], alpha=10.0, keep_diagonal=True
        )
        return {"total": loss}

    def _drop(self, frame_mask: Tensor) -> Tensor:
        """Drop the same random frames from each sequence that keeps one."""
        if self.sequential_dropout == "none":
            return frame_mask
        count = int(torch.randint(self.max_dropped + 1, ()))
        frames = frame_mask.shape[1]
        kept = torch.ones(frames, dtype=torch.bool)
        kept[torch.randint(frames, (count,))] = False
        left = frame_mask & kept.to(frame_mask.device)
        return torch.where(left.any(1, keepdim=True), left, frame_mask)
