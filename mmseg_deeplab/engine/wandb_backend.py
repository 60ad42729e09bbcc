"""Weights & Biases with the iteration on the x axis."""

import numpy as np
from mmengine.config import Config
from mmengine.visualization import WandbVisBackend
from mmengine.visualization.vis_backend import force_init_env
from mmseg.registry import VISBACKENDS
from torch import Tensor

STEP = 'iteration'


@VISBACKENDS.register_module()
class IterationWandbVisBackend(WandbVisBackend):
    """mmengine's ``WandbVisBackend``, by iterations and without a copy of the code.

    mmengine drops the iteration, so that its curves run over the number of log calls,
    validations included, and start at 0 in a resumed run. Here each call contains
    ``iteration``, which W&B uses for every x axis. mmengine also uploads all Python
    files below the current folder, virtual environments included; here this happens
    only if ``log_code_name`` is given. The arguments are those of the base class.
    """

    def _init_env(self) -> None:
        super()._init_env()
        self._wandb.define_metric(STEP, hidden=True)
        self._wandb.define_metric('*', step_metric=STEP)

    @force_init_env
    def add_config(self, config: Config, **kwargs) -> None:
        if self._log_code_name is not None:
            super().add_config(config, **kwargs)
            return
        changeable = self._init_kwargs.get('allow_val_change', False)
        self._wandb.config.update(config.to_dict(), allow_val_change=changeable)

    @force_init_env
    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs) -> None:
        self.add_scalars({name: self._wandb.Image(image)}, step)

    def add_scalar(
        self, name: str, value: float | Tensor | np.ndarray, step: int = 0, **kwargs
    ) -> None:
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs
    ) -> None:
        self._wandb.log({**scalar_dict, STEP: step}, commit=self._commit)
