// Sign in with e-mail and password.
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { meQuery, signIn } from '../../api/session';
import { ApiError } from '../../lib/problem';
import { paths } from '../../paths';
import { useDocumentTitle } from '../../ui/Page';
import { Card } from './Card';
import styles from './Card.module.css';

export function SignIn() {
  const { t } = useTranslation();
  useDocumentTitle(t('signIn.title'));
  const { next } = useSearch({ from: paths.signIn });
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  const explain = (error: unknown): string => {
    if (!(error instanceof ApiError)) return String(error);
    if (error.status === 0) return t('errors.offline');
    if (error.status === 429) {
      const seconds = (error.body as { retry_after?: number } | null)?.retry_after;
      return seconds ? t('signIn.tooManyWait', { count: Math.ceil(seconds) }) : t('signIn.tooMany');
    }
    if (error.status === 401 || error.status === 403) return t('signIn.wrong');
    return error.message;
  };

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setProblem(null);
    try {
      const me = await signIn(String(form.get('email')).trim(), String(form.get('password')));
      queries.setQueryData(meQuery.queryKey, me);
      await navigate({ to: next ?? paths.home, replace: true });
    } catch (error) {
      setProblem(explain(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Card title={t('signIn.title')} text={t('signIn.text')}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextInput
          size="md"
          name="email"
          type="email"
          label={t('signIn.email')}
          autoComplete="username"
          required
          autoFocus
          withAsterisk={false}
        />
        <PasswordInput
          size="md"
          name="password"
          label={t('signIn.password')}
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ 'aria-label': t('signIn.showPassword'), tabIndex: 0 }}
        />
        {problem ? (
          <div role="alert" className={styles.problem}>
            {problem}
          </div>
        ) : null}
        <Button type="submit" size="md" fullWidth loading={isBusy}>
          {t('signIn.action')}
        </Button>
      </form>
    </Card>
  );
}
