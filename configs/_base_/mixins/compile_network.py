"""Backbone, neck and heads through ``torch.compile``, each as one graph.

By ``--mixin compile_network``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/compile_network.py']
    custom_hooks = _base_.compile_network.custom_hooks

``compile.py`` takes the whole training step; here the loss stays as it is, so that no
graph breaks and its lean form is used. The first steps take minutes.
"""

compile_network = dict(custom_hooks=[dict(type='CompileNetworkHook')])
