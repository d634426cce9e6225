// Every page and who may open it.
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { meQuery, setupQuery } from './api/session';
import { NotFound } from './features/shell/NotFound';
import { PageError } from './features/shell/PageError';
import { Shell } from './features/shell/Shell';
import { paths } from './paths';

type Context = { queries: QueryClient };

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: PageError,
});

async function requirePerson({ context, location }: { context: Context; location: { href: string } }) {
  const me = await context.queries.ensureQueryData(meQuery);
  if (me) return;
  const setup = await context.queries.ensureQueryData(setupQuery);
  if (setup.state === 'unclaimed') throw redirect({ to: paths.claim });
  throw redirect({ to: paths.signIn, search: location.href === '/' ? {} : { next: location.href } });
}

const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined);
const number = (value: unknown) => {
  const parsed = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  return Number.isFinite(parsed) ? parsed : undefined;
};
const view = (search: Record<string, unknown>) => ({
  ...(number(search.lat) === undefined ? {} : { lat: number(search.lat) }),
  ...(number(search.lon) === undefined ? {} : { lon: number(search.lon) }),
  ...(number(search.zoom) === undefined ? {} : { zoom: number(search.zoom) }),
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: paths.signIn,
  validateSearch: (search: Record<string, unknown>): { next?: string } =>
    text(search.next)?.startsWith('/') && !text(search.next)?.startsWith('//')
      ? { next: text(search.next)! }
      : {},
  component: lazyRouteComponent(() => import('./features/access/SignIn'), 'SignIn'),
});

const claim = createRoute({
  getParentRoute: () => root,
  path: paths.claim,
  // The server prints `claim`; `token` is what people type by hand.
  validateSearch: (search: Record<string, unknown>): { claim?: string } => {
    const link = text(search.claim) ?? text(search.token);
    return link ? { claim: link } : {};
  },
  component: lazyRouteComponent(() => import('./features/access/Claim'), 'Claim'),
});

const viewer = createRoute({
  getParentRoute: () => root,
  path: '/map/$id',
  validateSearch: view,
  component: lazyRouteComponent(() => import('./features/viewer/Viewer'), 'Viewer'),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: requirePerson,
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('./features/home/Home'), 'Home'),
});

const maps = createRoute({
  getParentRoute: () => shell,
  path: paths.maps,
  component: lazyRouteComponent(() => import('./features/maps/Maps'), 'Maps'),
});

const data = createRoute({
  getParentRoute: () => shell,
  path: '/data',
  component: lazyRouteComponent(() => import('./features/data/Explorer'), 'Explorer'),
});

const dataHome = createRoute({
  getParentRoute: () => data,
  path: '/',
  component: lazyRouteComponent(() => import('./features/data/Welcome'), 'Welcome'),
});

const table = createRoute({
  getParentRoute: () => data,
  path: '$connection/$table',
  validateSearch: (search: Record<string, unknown>): { tab?: string } =>
    text(search.tab) ? { tab: text(search.tab)! } : {},
  component: lazyRouteComponent(() => import('./features/data/TablePage'), 'TablePage'),
});

const builder = createRoute({
  getParentRoute: () => shell,
  path: '/builder/$id',
  validateSearch: view,
  component: lazyRouteComponent(() => import('./features/builder/Builder'), 'Builder'),
});

const developers = createRoute({
  getParentRoute: () => shell,
  path: paths.developers,
  component: lazyRouteComponent(() => import('./features/developers/Developers'), 'Developers'),
});

const tree = root.addChildren([
  signIn,
  claim,
  viewer,
  shell.addChildren([home, maps, data.addChildren([dataHome, table]), builder, developers]),
]);

export function createAppRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: false,
    defaultErrorComponent: PageError,
    scrollRestoration: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
