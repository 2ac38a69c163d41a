"""What may not be stored: keys, tokens and passwords, wherever they turn up in a span.

Each mask says which rule made it. A rule that fails masks the whole value: better to lose a text than to keep a key.

A *rule* finds parts of a text (`hits`): by the form of a key (`keys`), by what stands around it (`credentials`), by the
name that it is given to (`assignments`, with `names` and `values`), or because its value is known (`known`).
"""
