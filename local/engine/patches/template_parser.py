"""A large template is parsed in a tenth of a second.

This is no deviation from AWS: it makes the tests fast. MiniStack 1.5.33 parses templates with PyYAML's parser in
Python, which takes a second for a large one. PyYAML has the same parser in C. Source: PyYAML documentation,
"Documentation", `CSafeLoader`, https://pyyaml.org/wiki/PyYAMLDocumentation
"""

import support


def apply():
    """Use PyYAML's parser in C, with the tags that the engine registered."""
    import yaml
    from ministack.services.cloudformation import engine

    original = getattr(engine, "CfnLoader", None)
    support.require(isinstance(original, type) and issubclass(original, yaml.SafeLoader), "CfnLoader is no SafeLoader")

    class Loader(yaml.CSafeLoader):
        yaml_constructors = original.yaml_constructors
        yaml_multi_constructors = original.yaml_multi_constructors
        yaml_implicit_resolvers = original.yaml_implicit_resolvers

    engine.CfnLoader = Loader
