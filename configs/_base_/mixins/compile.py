"""The training step through ``torch.compile``; the first steps take minutes.

By ``--mixin compile``, or as one more entry of ``_base_``. mmengine compiles
``train_step``, with torch's own backend (inductor, which needs a C++ compiler on CPUs);
other options of ``torch.compile`` go into the dict.
"""

compile = dict()
