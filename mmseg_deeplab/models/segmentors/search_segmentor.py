"""The segmentor whose architecture is searched while its weights are trained."""

from mmengine.optim import OptimWrapperDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class ArchitectureSearchSegmentor(EncoderDecoder):
    """A super-network with two optimizers, of which each step runs one.

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 4.2: first-order
    alternating optimisation. Which optimizer a step runs is set by
    :class:`~mmseg_deeplab.engine.ArchitectureSearchHook`; the batches come from
    :class:`~mmseg_deeplab.datasets.AlternatingHalvesSampler`.

    Attributes:
        updates_architecture: Whether the next step updates alpha and beta.
    """

    updates_architecture = False

    def train_step(
        self, data: dict, optim_wrapper: OptimWrapperDict
    ) -> dict[str, Tensor]:
        """Update the weights or the architecture by one batch; return the losses."""
        name = 'architecture' if self.updates_architecture else 'weights'
        wrapper = optim_wrapper[name]
        with wrapper.optim_context(self):
            data = self.data_preprocessor(data, True)
            losses = self(**data, mode='loss')
        loss, log = self.parse_losses(losses)
        wrapper.update_params(loss)
        self.zero_grad()  # the backward pass has reached the other parameters, too
        return {f'{name}_{key}': value for key, value in log.items()}
