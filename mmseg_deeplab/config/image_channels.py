"""The channels of images that a network reads: one or three."""

from mmengine.config import ConfigDict

from mmseg_deeplab.utils.errors import InputError

CHANNELS = (
    '{}, and images have 3, or 1 if LoadCheckedImage reads them with '
    "color_type='grayscale'. Remedy: write the three bands that tell the classes apart "
    'best into images of their own (gdal_translate -b 4 -b 3 -b 2 IN OUT)'
)


def check_channels(model: ConfigDict) -> None:
    """Raise InputError if images have other channels than grey or colour images."""
    preprocessor = model.get('data_preprocessor') or {}
    backbone = model.get('backbone') or {}
    channels = len(preprocessor.get('mean') or ()) or backbone.get('in_channels', 3)
    if channels not in (1, 3):
        where = 'data_preprocessor.mean' if preprocessor.get('mean') else 'in_channels'
        raise InputError(CHANNELS.format(f'model: {where} is for {channels} channels'))
    if backbone.get('in_channels', channels) != channels:
        raise InputError(
            f'model.backbone.in_channels={backbone.in_channels}, but '
            f'data_preprocessor.mean and std are for {channels} channels. Remedy: give '
            'both as many values, and bgr_to_rgb=False for one'
        )
