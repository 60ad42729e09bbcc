"""What every run shares: registration, hooks, logging, environment."""

default_scope = 'mmseg'
# Registers the package; inherited by every leaf.
custom_imports = dict(imports=['mmseg_deeplab'], allow_failed_imports=False)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    mean_loss=dict(type='MeanLossHook'),  # the log shows the mean over all ranks
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='TrustedCheckpointHook',
        by_epoch=False,
        interval=2000,
        max_keep_ckpts=3,
        save_best='mIoU',  # best_mIoU_iter_N.pth; of one class: 'IoU.car'
    ),
    save_on_signal=dict(type='SaveOnSignalHook'),  # SIGTERM, SIGUSR1
    missed_validation=dict(type='MissedValidationHook'),  # after a resume
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SampleVisualizationHook'),
)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(
        backend='nccl'
    ),  # mmseg-deeplab train takes gloo where there is no GPU
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer'
)
log_processor = dict(by_epoch=False)
log_level = 'INFO'
load_from = None
resume = False
