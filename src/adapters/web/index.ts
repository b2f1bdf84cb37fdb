// The web room: the HTTP server of `kmend serve`, and who may read it.
export { digestOf, newToken, type ProxyLogin } from './logins.ts';
export { type Address, isLoopback } from './names.ts';
export { createWebServer, type WebNeeds, type WebServer } from './server.ts';
export {
  type Answer,
  type Asked,
  type Channel,
  json,
  plainText,
  type Reader,
  type Route,
} from './site.ts';
