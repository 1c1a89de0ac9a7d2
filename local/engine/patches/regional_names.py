"""CloudFormation gives resources without a name of their own another one in each region.

Source: CloudFormation generates a unique physical ID, and names in IAM are unique in an account, whatever the region.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html

MiniStack 1.5.33 derives the suffix from the names of stack and resource only. The patched engine takes the region too.
"""

import hashlib

import support

SUFFIX = 13


def apply():
    """Derive the suffix of a generated name from the region too."""
    from ministack.core.responses import get_region
    from ministack.services.cloudformation import provisioners

    parameters = "(stack_name, logical_id, *, lowercase=False, max_len=128, seeded=True)"
    generate = support.original(provisioners, "_physical_name", parameters)

    def generate_for_region(stack_name, logical_id, **more):
        name = generate(stack_name, logical_id, **more)
        suffix = hashlib.sha256(f"{name.upper()}:{get_region()}".encode()).hexdigest()[:SUFFIX]
        return name[:-SUFFIX] + (suffix if name.islower() else suffix.upper())

    provisioners._physical_name = generate_for_region
