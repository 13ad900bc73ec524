// A program on rss-parser: prints what a feed tells as JSON.
//
//   node rss_parser.cjs FOLDER ADDRESS           asks as the library does
//   node rss_parser.cjs FOLDER ADDRESS VALIDATORS asks itself, with `{etag, modified}`, and lets it parse
//
// FOLDER is where the package is installed. Where nothing is new, `items` is null.
"use strict";

const path = require("path");

const [folder, address, validators] = process.argv.slice(2);
const Parser = require(path.join(folder, "rss-parser"));
const parser = new Parser({ timeout: 30000 });

async function fetched({ etag, modified }) {
  const headers = etag ? { "If-None-Match": etag, "If-Modified-Since": modified } : {};
  const answer = await fetch(address, { headers, signal: AbortSignal.timeout(30000) });
  const told = { etag: answer.headers.get("etag"), modified: answer.headers.get("last-modified") };
  if (answer.status === 304) return [told, null];
  if (answer.status !== 200) throw new Error(`Status code ${answer.status}`);
  return [told, await parser.parseString(await answer.text())];
}

async function main() {
  const [told, feed] = validators ? await fetched(JSON.parse(validators)) : [{}, await parser.parseURL(address)];
  const items = feed && feed.items.map((item) => ({
    id: item.guid || item.id,
    title: item.title,
    published: item.isoDate,
    html: item["content:encoded"] || item.content, // RSS, Atom
  }));
  process.stdout.write(JSON.stringify({ told, items }));
}

main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
