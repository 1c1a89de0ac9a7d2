"""AWS CloudFormation sets the policy of a secret, and removes it with the stack.

Source: AWS CloudFormation Template Reference, AWS::SecretsManager::ResourcePolicy,
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-secretsmanager-resourcepolicy.html

MiniStack 1.5.33 does not know the type. It evaluates the policies that PutResourcePolicy sets.
"""

import json

import support

TYPE = "AWS::SecretsManager::ResourcePolicy"


def apply():
    """Put and delete the policies of templates as the calls of Secrets Manager do."""
    from ministack.services import secretsmanager
    from ministack.services.cloudformation import provisioners

    put_policy = support.original(secretsmanager, "_put_resource_policy", "(data)")
    delete_policy = support.original(secretsmanager, "_delete_resource_policy", "(data)")
    support.require(TYPE not in provisioners._RESOURCE_HANDLERS, f"the engine knows {TYPE}")

    def put(props):
        policy = json.dumps(props["ResourcePolicy"])
        status, _, body = put_policy({"SecretId": props["SecretId"], "ResourcePolicy": policy})
        if status != 200:
            raise ValueError(json.loads(body)["message"])
        # The physical id is the ARN of the secret.
        return json.loads(body)["ARN"], {}

    def create(logical_id, props, stack_name):
        return put(props)

    def update(physical_id, old_props, new_props, stack_name):
        updated = put(new_props)
        if updated[0] != physical_id:
            delete(physical_id, old_props)
        return updated

    def delete(physical_id, props):
        delete_policy({"SecretId": physical_id})

    provisioners._RESOURCE_HANDLERS[TYPE] = {"create": create, "update": update, "delete": delete}
