//! Uses of the attributes that are right. `group!(…)` stands for the invisible group in which a
//! `macro_rules!` hands its fragments on.

use Attribute::{Invalidates, RedisCached, Updates};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Attribute {
    RedisCached,
    Invalidates,
    Updates,
}

/// An attribute, what stands in its parentheses, and what it stands on.
pub(super) type Use = (Attribute, &'static str, &'static str);

pub(super) const USES: &[Use] = &[
    (RedisCached, "ttl = 600", "async fn get(id: u64) -> u64 { id }"),
    (
        RedisCached,
        r#"ttl = 600, prefix = "products", skip(db)"#,
        "/// Doc.\npub async fn get_product(db: &Pool, id: u64) -> Result<Option<Product>, E> { db.find(id).await }",
    ),
    (
        RedisCached,
        r#"ttl = "1h30m", name = "n", version = 2, negative_ttl = 30, jitter = 0.1, lock = "10s", load_timeout = "40s","#,
        "pub(crate) async fn get(id: u64) -> Result<Option<u64>, E> { Ok(None) }",
    ),
    (
        RedisCached,
        r#"ttl = LIFE, jitter = 0, early = 1, stale = "5m", stale_if_error = "1h", soft_timeout = "200ms""#,
        "async fn get(name: &str, mut id: u64) -> Result<u64, E> { id += 1; find(name, id).await }",
    ),
    (
        RedisCached,
        "ttl = a * b, key(a + b, 0..b, a as u8), stale = a % b, early = a - b, cache = a | b, jitter = a / b",
        "async fn get(a: u64, b: u64) -> u64 { a }",
    ),
    (
        Invalidates,
        "get(a + b, &a, S { a: b }) for a in S { a: 1 }, list(ret + a, b as u8)",
        "async fn put(a: u64, b: u64) -> u64 { a }",
    ),
    (
        Updates,
        "get(a + b) = a - b, get(0..a) = a as u8",
        "async fn put(a: u64, b: u64) -> u64 { a }",
    ),
    (
        RedisCached,
        "ttl = 60, each(ids), max_batch = 10, skip(db)",
        "async fn get(db: &Db, mut ids: Vec<u64>) -> Result<HashMap<u64, V>, E> { find(db, ids).await }",
    ),
    (
        RedisCached,
        "each(ids), of = shop::product, key_of = |v| v.id, stale = 60",
        "async fn get(tenant: String, ids: &[u64]) -> Vec<V> { find(tenant, ids).await }",
    ),
    (
        RedisCached,
        r#"ttl = 60, skip(db), in_transaction = "bypass", bypass = fresh || id > 3"#,
        "async fn get<E: PgExecutor<'_>>(db: Option<E>, id: u64, fresh: bool) -> u64 { id }",
    ),
    (
        Invalidates,
        r#"get(id), guard = "5s", in_transaction = "after_commit""#,
        "async fn put(tx: &mut Transaction<'_, Postgres>, id: u64) -> Result<(), E> { Ok(()) }",
    ),
    (
        Updates,
        r#"get(id) = *ret, in_transaction = "store_uncommitted""#,
        "async fn put(db: &impl ConnectionTrait, id: u64) -> Result<u64, E> { Ok(id) }",
    ),
    (
        RedisCached,
        r#"ttl = 60, key(name.to_lowercase()), tags = ["a:{c.by}" for c in &ret.all, "n:{name.to_lowercase()}"]"#,
        "async fn get(name: &str) -> Thread { find(name).await }",
    ),
    (
        Invalidates,
        r#"get(x.id) for x in ret if x.changed, list(..) if a == S { b: 1 }, tag = "t:{a.len()}" if *ret == 1"#,
        "async fn put(a: Vec<u8>) -> Vec<Row> { a }",
    ),
    (RedisCached, "ttl = 60, sliding, lock = false", "async fn get(id: u64) -> u64 { id }"),
    (RedisCached, "ttl = 60, early = false, lock = true", "async fn get(id: u64) -> u64 { id }"),
    (RedisCached, "early = true, ttl = 60", "async fn get(id: u64) -> u64 { id }"),
    (
        RedisCached,
        "ttl = 60, ttl_with = |v| v.expires, cache_if = |v: &Vec<u8>| !v.is_empty(), absent = |e| e.is_none()",
        "async fn get(id: u64) -> Result<Vec<u8>, E> { find(id).await }",
    ),
    (
        RedisCached,
        "ttl = 60, absent = Error::NotFound, cache_if = is_wanted",
        "async fn get(id: u64) -> Result<u8, Error> { find(id).await }",
    ),
    (
        RedisCached,
        "ttl = 60, absent = Error::Gone(1)",
        "async fn get(id: u64) -> Result<u8, Error> { find(id).await }",
    ),
    (
        RedisCached,
        "ttl = 60, absent = Error::Missing { code: 4 }",
        "async fn get(id: u64) -> Result<u8, Error> { find(id).await }",
    ),
    (
        RedisCached,
        "ttl = 60, absent = errors::is_absent",
        "async fn get(id: u64) -> Result<u8, Error> { find(id).await }",
    ),
    (
        RedisCached,
        r#"ttl = 60, stale = 5, tags = ["category:{category}", "brand:{ret.brand}", "all"]"#,
        "async fn get(category: u64) -> Result<Product, E> { find(category).await }",
    ),
    (
        RedisCached,
        "ttl = 60, key(self.id, page, &filter.name)",
        "async fn list(&self, page: u32, filter: Filter) -> anyhow::Result<Vec<u8>> { self.db.list(page).await }",
    ),
    (
        RedisCached,
        r#"ttl = 60, key = "product:{id}:{self.tenant}/{pair.0}""#,
        "async fn get(&self, id: u64, pair: (u8, u8)) -> u64 { self.find(id).await }",
    ),
    (
        RedisCached,
        r#"ttl = 60, key = "{r#type}-x:{größe}""#,
        "async fn r#match(r#type: u8, größe: u64) -> u64 { größe }",
    ),
    (RedisCached, "ttl = 60, bypass = fresh", "async fn get(id: u64, fresh: bool) -> u64 { id }"),
    (
        RedisCached,
        "ttl = 60, bypass = !fresh.0 && id > 3, key(id)",
        "async fn get(id: u64, fresh: (bool,)) -> u64 { id }",
    ),
    (
        RedisCached,
        "ttl = Duration::from_secs(60 * MINUTES), cache = self.cache, skip(self)",
        "pub async fn get(&self, id: u64) -> Result<u64> { Ok(id) }",
    ),
    (
        RedisCached,
        "ttl = life(id), crate = crate::facade::cached_redis",
        "pub(in crate::a) async fn get(id: u64) -> Option<String> { None }",
    ),
    (RedisCached, "ttl = 60", "async fn get((a, b): (u8, u8), [c, .., d]: [u8; 4]) -> u8 { a }"),
    (
        RedisCached,
        "ttl = a, key(a, rest)",
        "async fn get(Point { x: a, y: Inner(ref b, mut c), .. }: Point, rest @ 1..=3: u8) -> u8 { a + c }",
    ),
    (
        RedisCached,
        r#"ttl = 60, stale = "1m""#,
        "async fn get(_: u8, &b: &u8, (c | c): u8) -> u8 { b }",
    ),
    (
        RedisCached,
        "ttl = 60",
        "async fn get<'a, T: Key + 'a, const N: usize>(t: &'a T, n: [u8; N]) -> Vec<T::Id> where T: Serialize, [u8; N]: Sized { t.ids().await }",
    ),
    (
        RedisCached,
        "ttl = 60, key(a.to_string())",
        "async fn get(a: impl Display + Send, f: Box<dyn Fn(&u8) -> u8 + Send>, g: fn(&str) -> u8) -> u8 { f(1) }",
    ),
    (RedisCached, "ttl = 60", "async fn get(a: impl Serialize) -> u8 { 1 }"),
    (
        RedisCached,
        "ttl = 60, skip(self), early = BETA",
        "async fn get(self: Arc<Self>, id: u64) -> Result<u8, E> { self.get(id).await }",
    ),
    (RedisCached, "ttl = 60, skip(self)", "async fn get(&mut self, id: u64) -> u8 { 1 }"),
    (RedisCached, "ttl = 60, skip(self)", "async fn get(self, id: u64) -> u8 { 1 }"),
    (
        RedisCached,
        "ttl = 60",
        "#[cfg(unix)] #[allow(dead_code)] async fn get(#[cache(skip)] db: &Db, #[allow(unused)] id: u64) -> u8 { #![allow(unused)] db.get(id).await }",
    ),
    (
        RedisCached,
        "ttl = 60, stale = 10, key(self.id)",
        r#"async fn get(&'_ self, name: &'static str) -> u8 { println!("{self:?} {name}"); self.get().await }"#,
    ),
    (
        RedisCached,
        r#"ttl = 60, key(format!("{id}-{}", page))"#,
        "async fn get(id: u64, page: u8, _ctx: ()) -> HashMap<String, (u8, [u8; 2])> { todo!() }",
    ),
    (
        RedisCached,
        "group!(ttl) = group!(600), crate = group!(facade), jitter = group!(0), bypass = group!(fresh), key(group!(id), group!(other.0))",
        "group!() async fn group!(get)(id: group!(u64), fresh: bool, other: (u8,)) -> group!(u8) { group!(1) }",
    ),
    (
        RedisCached,
        "ttl = 60",
        "group!(pub) async fn get(id: group!(&'static str)) -> Result<group!(Vec<u8>), group!(E)> group!({ Ok(vec![]) })",
    ),
    (RedisCached, "ttl = 60", "group!(async fn get(id: u64) -> u64 { id })"),
    (
        RedisCached,
        "",
        "impl Repo { const X: u8 = 1; #[redis_cached(ttl = 60, skip(self))] pub async fn get(&self, id: u64) -> u64 { id } fn plain() {} #[invalidates(Self::get(id))] pub async fn put(&self, id: u64) -> Result<(), E> { Ok(()) } }",
    ),
    (
        RedisCached,
        "crate = facade",
        "unsafe impl<'a, T: 'a, K> Find<K> for Repo<'a, T> where K: Key, T: Sync { type Id = K; const N: u8 = 1; #[cached_redis::redis_cached(ttl = Self::N, skip(self))] async fn find(&self, id: Self::Id) -> Option<Self::Id> where K: 'static { None } }",
    ),
    (
        RedisCached,
        "",
        "#[async_trait] impl Find for Repo { #[redis_cached(ttl = 60, skip(self))] async fn find(&self, id: u64) -> u64 { id } #[redis_cached(ttl = 60)] #[invalidates(Self::all())] async fn both(id: u64) -> u64 { id } #[updates(self.find(id) = ret)] async fn put(&self, id: u64) -> u64 { id } }",
    ),
    (Invalidates, "get(id)", "async fn put(id: u64) -> Result<(), E> { Ok(()) }"),
    (Invalidates, "get(..), always, strict", "pub async fn put() -> Result<(), E> { Ok(()) }"),
    (Invalidates, "get(),", "async unsafe fn put(id: u64) { }"),
    (
        Invalidates,
        "self.get(product.id, &product.name), Self::list(..), repo::find::<T>(*id)",
        "async fn put<T>(&self, product: Product, id: &u64) -> Result<(), E> { Ok(()) }",
    ),
    (
        Invalidates,
        "get(ret.id, &name), self.list(ret.category)",
        "async fn put(&self, name: String) -> Result<Product, E> { self.db.put(name).await }",
    ),
    (
        Invalidates,
        "self.list(ret.category)",
        "async fn put(&mut self, name: String) -> Result<Product, E> { self.db.put(name).await }",
    ),
    (
        Invalidates,
        "self.list(ret.category)",
        "async fn put(self: Box<Self>, name: String) -> Result<Product, E> { self.db.put(name).await }",
    ),
    (
        Invalidates,
        r#"tag = "category:{product.category}", tag = "brand:{ret.brand}", cache = self.cache"#,
        "async fn put(&self, product: &Product) -> Result<Product, E> { self.put(product).await }",
    ),
    (
        Invalidates,
        r#"get(id) for id in ids, get(*a, b.c) for (a, b) | (b, a) in &ret.all, tag = "a:{x}" for x in 0..3"#,
        "async fn put(ids: Vec<u64>) -> Result<All, E> { Ok(put(ids).await?) }",
    ),
    (
        Invalidates,
        r#"get(id), tag = "t:{id}", guard = "10s", strict"#,
        "async fn put(id: u64) -> Result<(), E> { Ok(()) }",
    ),
    (
        Invalidates,
        "get(id), guard = LIMIT, always, crate = my::facade",
        "async fn put((id, _): (u64, u64)) -> Result<(), E> { Ok(()) }",
    ),
    (
        Invalidates,
        "group!(get)(group!(id)), group!(list(..)), group!(self.list(page)) for group!(page) in group!(pages)",
        "async fn put(&self, id: group!(u64), pages: &[u8]) -> group!(Result<(), E>) { Ok(()) }",
    ),
    (
        Invalidates,
        "r#match(r#type), get(match id { 0 => 1, n => n }, { id }, |x| x + 1, [id; 2], (id, id))",
        "async fn put(r#type: u8, id: u64) { }",
    ),
    (
        Invalidates,
        "größe(größe as u64), x::<{ N }>(-1), <T as Find>::find(id)",
        "async fn put<const N: usize, T: Find>(größe: u8, id: u64) -> () { }",
    ),
    (Updates, "get(id) = product", "async fn put(id: u64, product: P) -> Result<(), E> { Ok(()) }"),
    (Updates, "get(product.id) = ret,", "async fn put(product: P) -> Result<P, E> { Ok(product) }"),
    (
        Updates,
        "self.get(id) = ret.clone(), Self::price(id, &name) = price * 2, crate = facade",
        "async fn put(&self, id: u64, name: String, price: u64) -> Result<P, E> { Ok(self.p()) }",
    ),
    (
        Updates,
        "get::<T>(id) = Some(product.clone()), all() = vec![ret.0]",
        "pub async fn put<T>(id: u64, product: &P) -> (u8, T) where T: Clone { todo!() }",
    ),
    (
        Updates,
        "group!(get(id)) = group!(product)",
        "async fn put(id: u64, product: P) -> Result<(), E> { Ok(()) }",
    ),
    (
        Updates,
        "self.get(id) = self.product(ret)",
        "async fn put(self: Arc<Self>, id: u64) -> Option<u8> { self.put(id).await }",
    ),
    (
        Updates,
        "get(a) = P { a, b: b.0 }, get(b.1) = if a { 1 } else { 2 }",
        "async fn put(a: bool, b: (u8, u8)) { }",
    ),
    (
        Updates,
        "get(a) = |x: u8| -> u8 { x }, get(b) = unsafe { *b }",
        "async fn put(a: bool, b: &u8) { }",
    ),
    (
        RedisCached,
        r#"stale_if_error = "1d", ttl = if cfg!(test) { 1 } else { 60 }, negative_ttl = 0, lock = LEASE"#,
        "async fn get(id: u64) -> Result<Option<u8>, E> { Ok(None) }",
    ),
    (
        RedisCached,
        "ttl = 60, skip(a, b)",
        "async fn get(a: &mut A, b: *const u8, c: <T as U>::V, d: [(); 2], e: !) -> u8 { 1 }",
    ),
];

/// The tokens of a text, with its groups.
pub(super) fn tokens(text: &str) -> TokenStream {
    grouped(text.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
}

fn grouped(tokens: TokenStream) -> TokenStream {
    let mut grouped_tokens = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Ident(name) if name == "group" => {
                tokens.next();
                match tokens.next() {
                    Some(TokenTree::Group(group)) => {
                        Group::new(Delimiter::None, grouped(group.stream())).into()
                    }
                    other => panic!("a group, not {other:?}"),
                }
            }
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), grouped(group.stream())).into()
            }
            other => other,
        };
        grouped_tokens.extend([token]);
    }
    grouped_tokens
}
