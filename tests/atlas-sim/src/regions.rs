//! AWS regions in the spelling of Atlas.

/// The AWS regions of the Atlas API spec. Its `GLOBAL` is left out: AWS has no such region, so it can hold
/// neither a key nor an endpoint.
const AWS_REGIONS: [&str; 38] = [
    "US_GOV_WEST_1",
    "US_GOV_EAST_1",
    "US_EAST_1",
    "US_EAST_2",
    "US_WEST_1",
    "US_WEST_2",
    "CA_CENTRAL_1",
    "EU_NORTH_1",
    "EU_WEST_1",
    "EU_WEST_2",
    "EU_WEST_3",
    "EU_CENTRAL_1",
    "EU_CENTRAL_2",
    "AP_EAST_1",
    "AP_EAST_2",
    "AP_NORTHEAST_1",
    "AP_NORTHEAST_2",
    "AP_NORTHEAST_3",
    "AP_SOUTHEAST_1",
    "AP_SOUTHEAST_2",
    "AP_SOUTHEAST_3",
    "AP_SOUTHEAST_4",
    "AP_SOUTHEAST_5",
    "AP_SOUTHEAST_6",
    "AP_SOUTHEAST_7",
    "AP_SOUTH_1",
    "AP_SOUTH_2",
    "SA_EAST_1",
    "CN_NORTH_1",
    "CN_NORTHWEST_1",
    "ME_SOUTH_1",
    "ME_CENTRAL_1",
    "AF_SOUTH_1",
    "EU_SOUTH_1",
    "EU_SOUTH_2",
    "IL_CENTRAL_1",
    "CA_WEST_1",
    "MX_CENTRAL_1",
];

/// Whether Atlas knows this AWS region.
pub(crate) fn is_known(region: &str) -> bool {
    AWS_REGIONS.contains(&region)
}

/// The AWS spelling: `EU_WEST_1` is `eu-west-1`.
pub(crate) fn to_aws(region: &str) -> String {
    region.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spelling_of_atlas_is_known() {
        assert!(is_known("EU_WEST_1"));
        assert!(!is_known("eu-west-1"));
        assert!(!is_known("GLOBAL"));
    }

    #[test]
    fn the_aws_spelling_is_a_plain_swap() {
        assert_eq!(to_aws("US_GOV_EAST_1"), "us-gov-east-1");
    }
}
