"""What can be wrong with a file of a data set.

Every class takes one message, so that a worker process of a data loader can raise
it again in the main process. ``kind`` is the heading under which
``mmseg-deeplab check-data`` groups it.
"""


class DataFileError(ValueError):
    """A file of the data set cannot be used as it is."""

    kind = 'broken file'


class UnreadableFileError(DataFileError):
    """The file is empty or is no image."""

    kind = 'unreadable file'


class TruncatedFileError(DataFileError):
    """The file ends before the image does."""

    kind = 'truncated file'


class LabelFormatError(DataFileError):
    """The label is no map of integer class ids."""

    kind = 'label without class ids'


class LabelSizeError(DataFileError):
    """The label has another size than its image."""

    kind = 'label of another size than its image'


class LabelValueError(DataFileError):
    """The label holds values that are no class and not ignored."""

    kind = 'label values outside the classes'


class LabelColorError(DataFileError):
    """The label holds colours that the class list does not list."""

    kind = 'label colours outside the class list'


class UnpairedFilesError(DataFileError):
    """Images without a label, or labels without an image."""

    kind = 'image or label without its partner'
