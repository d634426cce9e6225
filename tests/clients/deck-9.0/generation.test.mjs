// deck.gl 9.0 against our server.

import { vectorQuerySource, vectorTableSource } from '@deck.gl/carto';
import { parse } from '@loaders.gl/core';
import { connection, serves, token, url } from '../older_generation.mjs';

const account = { apiBaseUrl: url, accessToken: token, connectionName: connection };

serves('9.0', {
  parse,
  sources: {
    table: (tableName) => vectorTableSource({ ...account, tableName }),
    query: (sqlQuery, queryParameters) => vectorQuerySource({ ...account, sqlQuery, queryParameters }),
    filtered: (tableName, filters) => vectorTableSource({ ...account, tableName, filters }),
  },
});
