fn main() -> atlas_cmk::runtime::Exit {
    atlas_cmk::runtime::converging::<atlas_cmk::functions::TakeTurn>()
}
