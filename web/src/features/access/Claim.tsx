// First start: whoever holds the one-time link makes the organisation and becomes its owner.
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { claimServer, meQuery, setupQuery } from '../../api/session';
import { paths } from '../../paths';
import { useDocumentTitle } from '../../ui/Page';
import { ErrorState } from '../../ui/States';
import { Card } from './Card';
import styles from './Card.module.css';

const MIN_PASSWORD = 10;

type Values = { organisation: string; name: string; email: string; password: string };
const EMPTY: Values = { organisation: '', name: '', email: '', password: '' };

export function Claim() {
  const { t } = useTranslation();
  useDocumentTitle(t('claim.title'));
  const { claim: token } = useSearch({ from: paths.claim });
  const setup = useQuery(setupQuery);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [values, setValues] = useState(EMPTY);
  const [left, setLeft] = useState<Partial<Record<keyof Values, true>>>({});
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  const errors: Partial<Record<keyof Values, string>> = {};
  if (!values.organisation.trim()) errors.organisation = t('claim.needOrganisation');
  if (!values.name.trim()) errors.name = t('claim.needName');
  if (!/^\S+@\S+\.\S+$/.test(values.email.trim())) errors.email = t('claim.needEmail');
  if (values.password.length < MIN_PASSWORD)
    errors.password = t('claim.needPassword', { count: MIN_PASSWORD });

  const field = (name: keyof Values) => ({
    size: 'md',
    name,
    label: t(`claim.${name}`),
    value: values[name],
    error: left[name] ? errors[name] : undefined,
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setValues((before) => ({ ...before, [name]: value }));
    },
    onBlur: () => setLeft((before) => ({ ...before, [name]: true as const })),
  });

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setLeft({ organisation: true, name: true, email: true, password: true });
    if (Object.keys(errors).length || !token) return;
    setBusy(true);
    setProblem(null);
    try {
      const me = await claimServer({
        claim: token,
        organisation: values.organisation.trim(),
        name: values.name.trim(),
        email: values.email.trim(),
        password: values.password,
      });
      await queries.invalidateQueries({ queryKey: setupQuery.queryKey });
      queries.setQueryData(meQuery.queryKey, me);
      await navigate({ to: me ? paths.home : paths.signIn, replace: true });
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };

  if (setup.isError) {
    return (
      <Card title={t('claim.title')}>
        <ErrorState
          error={setup.error}
          title={t('errors.pageFailed')}
          onRetry={() => void setup.refetch()}
          isCompact
        />
      </Card>
    );
  }
  if (setup.data?.state === 'ready') {
    return (
      <Card title={t('claim.doneTitle')} text={t('claim.doneText')}>
        <Button component={Link} to={paths.signIn} size="md" fullWidth mt={20}>
          {t('signIn.action')}
        </Button>
      </Card>
    );
  }
  if (!token) return <Card title={t('claim.noTokenTitle')} text={t('claim.noTokenText')} />;

  return (
    <Card title={t('claim.title')} text={t('claim.text')}>
      <form className={styles.form} onSubmit={(event) => void submit(event)} noValidate>
        <TextInput {...field('organisation')} autoComplete="organization" autoFocus />
        <TextInput {...field('name')} autoComplete="name" />
        <TextInput {...field('email')} type="email" autoComplete="username" />
        <PasswordInput
          {...field('password')}
          autoComplete="new-password"
          description={t('claim.passwordHint', { count: MIN_PASSWORD })}
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword'), tabIndex: 0 }}
        />
        {problem ? (
          <div role="alert" className={styles.problem}>
            {problem}
          </div>
        ) : null}
        <Button type="submit" size="md" fullWidth loading={isBusy}>
          {t('claim.action')}
        </Button>
      </form>
    </Card>
  );
}
