import tseslint from 'typescript-eslint';

/** Who may import whom. Arrows point inward: functions -> orchestrations -> ports -> domain. */
const deny = (...patterns) => ['error', { patterns: patterns.map(([group, message]) => ({ group, message })) }];
const adapters = ['**/adapters/**', 'only functions/app.ts names adapters'];
const edge = ['**/functions/**', 'nothing points outward to the edge'];
const orchestrations = ['**/orchestrations/**', 'shared/ knows nothing of orchestrations'];
const runtime = ['**/local/**', 'shipped code never knows which host runs it'];
const group = ([pattern, message]) => [[pattern], message];
const rules = (...list) => ({ 'no-restricted-imports': deny(...list.map(group)) });

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.local/**', 'coverage/**'] },
  ...tseslint.configs.strict,
  {
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['shared/domain/**'],
    rules: {
      ...rules(
        edge,
        orchestrations,
        runtime,
        ['**/adapters/**', 'the domain is pure'],
        ['**/pipeline/**', 'the domain is pure'],
        ['**/catalog/**', 'the domain is pure'],
        ['**/ports.ts', 'ports depend on the domain, not the other way'],
        ['node:*', 'the domain does no I/O'],
        ['@azure/*', 'the domain does no I/O'],
        ['pg', 'the domain does no I/O'],
        ['durable-functions', 'the domain does no I/O'],
      ),
      'no-restricted-globals': ['error', 'process', 'setTimeout', 'setInterval', 'fetch'],
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'now is an argument',
        },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'now is an argument' },
        { selector: "MemberExpression[object.property.name='Now']", message: 'now is an argument' },
        {
          selector: "MemberExpression[object.name='Math'][property.name='random']",
          message: 'the domain is deterministic',
        },
      ],
    },
  },
  { files: ['shared/catalog/**', 'shared/ports.ts'], rules: rules(edge, orchestrations, runtime, adapters) },
  { files: ['shared/pipeline/**'], rules: rules(edge, orchestrations, runtime, adapters) },
  { files: ['shared/adapters/**'], rules: rules(edge, orchestrations, runtime) },
  { files: ['orchestrations/**'], rules: rules(edge, runtime, adapters) },
  {
    files: ['functions/**'],
    ignores: ['functions/app.ts'],
    rules: rules(runtime, adapters),
  },
  { files: ['functions/app.ts'], rules: rules(runtime) },
  {
    files: ['functions/**', 'orchestrations/**', 'shared/**'],
    ignores: ['shared/config.ts', 'shared/domain/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'shared/config.ts is the sole reader of process.env' },
      ],
    },
  },
  { files: ['**/*.mjs', '**/*.js'], languageOptions: { globals: { process: 'readonly', console: 'readonly' } } },
);
