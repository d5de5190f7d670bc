//! Tags of entries.

use super::check;

#[test]
fn tags_are_a_list_of_texts() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = «"category:{category}"»)]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &[r#"`tags` takes a list: write `tags = ["category:{category}"]`"#],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db), tags = «all_tags()»)]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }",
            &[r#"`tags` takes a list of string literals: write `tags = ["category:{category}"]`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), «tag» = "category:{category}")]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["unknown option `tag`: did you mean `tags`? The options are {OPTIONS}"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«format!("category:{category}")»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag is a string literal, with names in braces for what changes, or one that \
                `cached_redis::tag!` declares: write `\"category:{category}\"` or `Category(category)`"],
        ),
        (
            "#[redis_cached(ttl = 600, skip(db), tags = «[]»)]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }",
            &[r#"`tags` names no group: write `tags = ["category:{category}"]` or remove it"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [
                "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", «"17"»
            ])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["at most 16 tags: remove some, or make one group of several"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = ["products", "id:{id}", «"products"»])]
            async fn get(id: u64) -> u64 { id }"#,
            &["this tag is given twice: keep one of them"],
        ),
    ]);
}

#[test]
fn templates() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"{{category}}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag cannot have braces of its own: remove `{{`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"category\n{category}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag cannot have control characters: remove them"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«""»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &[r#"an empty tag groups nothing: write `"category:{category}"`"#],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"category:{category + 1}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &[
                "`{category + 1}` is not a parameter, `ret`, or a field or a method without arguments of \
                one of them (`{category}`, `{ret.brand}`, `{name.to_lowercase()}`), which is all that a \
                tag is made of",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"category:{category:?}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`:?` is a format, which tags do not have: write `{category}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"category:{category"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`{category` is never closed: write `{category}`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"{category}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag without text would be shared with whatever else has the same value: write \
                `\"category:{category}\"`"],
        ),
    ]);
}

#[test]
fn names_in_tags() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"category:{categry}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`get` has no parameter `categry`: did you mean `category`? Its parameters are \
                `db` and `category`, and `ret` is what it returned"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"shop:{shop.id}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`get` has no parameter `shop`; its parameters are `db` and `category`, and `ret` \
                is what it returned"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"shop:{self.shop}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`get` has no parameter `self`; its parameters are `db` and `category`, and `ret` \
                is what it returned"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = ["brand:{ret.brand}"])]
            async fn get(«ret: u64») -> Product { Product { brand: ret } }"#,
            &["in a tag, `ret` is what the function returned: give this parameter another name"],
        ),
    ]);
}

#[test]
fn tags_of_arguments() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, key(category), tags = [«"db:{db}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`db` is not part of the key, so that one entry would have different tags: make \
                tags from parts of the key, or from the value (`{ret.…}`)"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"db:{db}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["`db` is not part of the key, so that one entry would have different tags: make \
                tags from parts of the key, or from the value (`{ret.…}`)"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(self), tags = [«"shop:{self.shop}"»])]
            async fn get(&self, category: u64) -> Product { Product { brand: category + self.shop } }"#,
            &["`self` is not part of the key, so that one entry would have different tags: make \
                tags from parts of the key, or from the value (`{ret.…}`)"],
        ),
    ]);
}

#[test]
fn tags_of_the_value() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"all:{category}:{ret.brand}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag is made from arguments or from the value, and this one mixes `category` and \
                `ret`: write one tag for each"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"brand{ret.brand}"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag from the value begins with a class of its own and a colon: write \
                `\"brand:{ret.brand}\"`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, skip(db), tags = [«"{ret.brand}:brand"»])]
            async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
            &["a tag from the value begins with a class of its own and a colon: write \
                `\"brand:{ret.brand}\"`"],
        ),
    ]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    check(&[(
        r#"#[redis_cached(ttl = 600, skip(db), tags = [
            «""», «"{category}"», «"a:{ret.brand}:{category}"», «"db:{db}"», "ok:{category}"])]
        async fn get(db: &str, category: u64) -> Product { Product { brand: category } }"#,
        &[
            r#"an empty tag groups nothing: write `"category:{category}"`"#,
            "a tag without text would be shared with whatever else has the same value: write \
             `\"category:{category}\"`",
            "a tag is made from arguments or from the value, and this one mixes `category` \
             and `ret`: write one tag for each",
            "`db` is not part of the key, so that one entry would have different tags: make \
             tags from parts of the key, or from the value (`{ret.…}`)",
        ],
    )]);
}

#[test]
fn tags_of_members() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, tags = ["author:{c.author}" for c in «ids»])]
            async fn get(ids: Vec<u64>) -> Vec<Comment> { vec![] }"#,
            &["a tag for each member is one of the value: write `for … in ret`, or \
                `for … in &ret.items`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = [«"author:{id}"» for c in ret])]
            async fn get(id: u64) -> Vec<Comment> { vec![] }"#,
            &[
                "a tag is made from arguments or from the value, and this one mixes `id` and `ret`: \
                write one tag for each",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = [«"author:{ret.author}"» for c in &ret.comments])]
            async fn get(id: u64) -> Article { todo() }"#,
            &["this tag is the same for all members: use what `for` binds in it, or remove `for`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = [«"{c.author}"» for c in ret])]
            async fn get(id: u64) -> Vec<Comment> { vec![] }"#,
            &["a tag from the value begins with a class of its own and a colon: write \
                `\"brand:{ret.brand}\"`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = ["author:{c.author}" «for» c])]
            async fn get(id: u64) -> Vec<Comment> { vec![] }"#,
            &["`for` needs values to go through: write `get_product(id) for id in ids`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = ["author:{c.author}" «in» ret])]
            async fn get(id: u64) -> Vec<Comment> { vec![] }"#,
            &["expected `,` and the next tag, or `for … in ret`"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = ["author:{c.author}" for c in load(ret).«await»])]
            async fn get(id: u64) -> Vec<Comment> { vec![] }"#,
            &["`.await` cannot be used here, because tags are made beside the body"],
        ),
        (
            r#"#[redis_cached(ttl = 600, tags = ["author:{c.author}" for c in ret, "by:{x}" for (_, x) in &ret.y])]
            async fn get(id: u64) -> Vec<Comment> { vec![] }"#,
            &[],
        ),
    ]);
}

/// One entry has one set of tags, whoever calls first.
#[test]
fn a_tag_normalises_as_its_key_does() {
    check(&[
        (
            r#"#[redis_cached(ttl = 600, key(name.to_lowercase()), tags = [«"crate:{name}"»])]
            async fn get(name: &str) -> u64 { 1 }"#,
            &[
                "the key is made of `name.to_lowercase()`, so calls with another `name` share this entry, and the first of them would say which tag it has: write `{name.to_lowercase()}`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, key = "c:{filter.name}", tags = [«"crate:{filter.kind}"»])]
            async fn get(filter: Filter) -> u64 { 1 }"#,
            &[
                "the key is made of `filter.name`, so calls with another `filter.kind` share this entry, and the first of them would say which tag it has: write `{filter.name}`",
            ],
        ),
        (
            r#"#[redis_cached(ttl = 600, key(&name.to_lowercase(), id), tags = ["crate:{name.to_lowercase()}", "{id}:x"])]
            async fn get(name: &str, id: u64) -> u64 { 1 }"#,
            &[],
        ),
        (
            r#"#[redis_cached(ttl = 600, key(filter), tags = ["crate:{filter.name.trim()}"])]
            async fn get(filter: Filter) -> u64 { 1 }"#,
            &[],
        ),
        (
            r#"#[redis_cached(ttl = 600, key(digest(&name)), tags = ["crate:{name}"])]
            async fn get(name: &str) -> u64 { 1 }"#,
            &[],
        ),
    ]);
}

#[test]
fn typed_tags() {
    check(&[
        (
            "#[redis_cached(ttl = 600, skip(db), tags = [«Category»(db)])]
            async fn get(db: &str, category: u64) -> u64 { category }",
            &["`db` is not part of the key, so that one entry would have different tags: make tags \
                from parts of the key, or from the value (`{ret.…}`)"],
        ),
        (
            "#[redis_cached(ttl = 600, tags = [«Category»(category, ret.brand)])]
            async fn get(category: u64) -> Product { Product { brand: category } }",
            &["a tag is made from arguments or from the value, and this one mixes `category` and \
                `ret`: write one tag for each"],
        ),
        (
            "#[redis_cached(ttl = 600, tags = [Category(category), «Category»(category)])]
            async fn get(category: u64) -> u64 { category }",
            &["this tag is given twice: keep one of them"],
        ),
        (
            "#[redis_cached(ttl = 600, key(name.to_lowercase()), tags = [«Crate»(name)])]
            async fn get(name: &str) -> u64 { 1 }",
            &["the key is made of `name.to_lowercase()`, so calls with another `name` share this entry, \
                and the first of them would say which tag it has: write `name.to_lowercase()`"],
        ),
        (
            "#[redis_cached(ttl = 600, key(name.to_lowercase()), tags = [«Crate»(&normalized(name))])]
            async fn get(name: &str) -> u64 { 1 }",
            &["the key is made of `name.to_lowercase()`, so calls with another `name` share this entry, \
                and the first of them would say which tag it has: write `name.to_lowercase()`"],
        ),
        (
            "#[redis_cached(ttl = 600, tags = [«Crate»(ret.id) for c in ret])]
            async fn get(name: &str) -> Vec<u64> { vec![] }",
            &["this tag is the same for all members: use what `for` binds in it, or remove `for`"],
        ),
        (
            "#[redis_cached(ttl = 600, tags = [Crate(find(name).«await»)])]
            async fn get(name: &str) -> u64 { 1 }",
            &["`.await` cannot be used here, because tags are made beside the body"],
        ),
        (
            "#[redis_cached(ttl = 600, key(normalized(name)), tags = [Crate(&normalized(name))])]
            async fn get(name: &str) -> u64 { 1 }",
            &[],
        ),
    ]);
}
