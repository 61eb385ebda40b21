"""How events are kept: the append-only log. Knows nothing of calls.

``append`` stores a batch, ``batch`` gathers one, ``read`` gives rows back, ``leaf`` says what a row claims,
``rejections`` keeps what was refused at the door.
"""
