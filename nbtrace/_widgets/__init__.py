"""Draw spans: live widgets fed by Arrow, and static HTML and text for wherever no kernel runs.

Nothing here knows a session. A widget gets a function that returns the spans to show and one that tells when they
change; the static pictures are pure functions of a tree table. Only `base` and the widgets themselves need anywidget,
so nothing else here imports them.
"""
