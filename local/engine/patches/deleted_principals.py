"""In a policy that names a role as principal, AWS replaces the role by its unique id once the role is deleted.

A role that is created again under the name is another principal. Source: IAM User Guide, "AWS JSON policy elements:
Principal", "Role principals",
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

MiniStack 1.5.33 keeps the ARN, which then names the new role.
"""

import json

import support


def apply():
    """Replace a deleted role in trust policies and key policies."""
    from ministack.services import iam, kms

    delete_role = support.entry(iam._IAM_HANDLERS, "DeleteRole", "iam._IAM_HANDLERS")

    def delete(p):
        name = support.first(p, "RoleName")
        role = iam._roles.get(name)
        answer = delete_role(p)
        if role is not None and iam._roles.get(name) is None:
            old, new = json.dumps(role["Arn"]), json.dumps(role["RoleId"])
            for other in iam._roles._data.values():
                other["AssumeRolePolicyDocument"] = (other["AssumeRolePolicyDocument"] or "").replace(old, new)
            for key in kms._keys._data.values():
                key["Policy"] = (key.get("Policy") or "").replace(old, new)
        return answer

    iam._IAM_HANDLERS["DeleteRole"] = delete
