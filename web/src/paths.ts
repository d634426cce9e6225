// Every address of the workspace, in one place.
export const paths = {
  signIn: '/sign-in',
  claim: '/claim',
  home: '/',
  maps: '/maps',
  data: '/data',
  table: (connection: string, name: string) =>
    `/data/${encodeURIComponent(connection)}/${encodeURIComponent(name)}`,
  builder: (id: string) => `/builder/${encodeURIComponent(id)}`,
  viewer: (id: string) => `/map/${encodeURIComponent(id)}`,
  developers: '/developers',
} as const;
