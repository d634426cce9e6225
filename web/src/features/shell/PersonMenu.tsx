// The person at the foot of the rail: theme, language, sign out.
import { Menu, UnstyledButton } from '@mantine/core';
import { IconCheck, IconDeviceDesktop, IconLogout, IconMoon, IconSun } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { meQuery, signOut } from '../../api/session';
import { chooseLanguage, LANGUAGES, type Language } from '../../i18n/setup';
import { forgetPictures } from '../../lib/map-pictures';
import { paths } from '../../paths';
import { showProblem } from '../../ui/toasts';
import { type SchemeChoice, useSchemeChoice } from '../../ui/useScheme';
import styles from './PersonMenu.module.css';

const SCHEMES: { value: SchemeChoice; icon: typeof IconSun; key: 'light' | 'dark' | 'auto' }[] = [
  { value: 'light', icon: IconSun, key: 'light' },
  { value: 'dark', icon: IconMoon, key: 'dark' },
  { value: 'auto', icon: IconDeviceDesktop, key: 'auto' },
];

function initials(name: string, email: string): string {
  const words = (name || email).split(/[\s@.]+/).filter(Boolean);
  return (words.length > 1 ? words[0]![0]! + words.at(-1)![0]! : (words[0] ?? '?').slice(0, 2)).toUpperCase();
}

export function PersonMenu() {
  const { t, i18n } = useTranslation();
  const { data: me } = useQuery(meQuery);
  const [scheme, setScheme] = useSchemeChoice();
  const queries = useQueryClient();
  const navigate = useNavigate();

  const leave = async () => {
    try {
      await signOut();
    } catch (error) {
      showProblem(t('person.signOutFailed'), (error as Error).message);
      return;
    }
    queries.clear();
    forgetPictures();
    await navigate({ to: paths.signIn });
  };

  const mark = (isOn: boolean) => (isOn ? <IconCheck size={14} aria-label={t('person.chosen')} /> : null);

  return (
    <Menu position="right-end" width={220}>
      <Menu.Target>
        <UnstyledButton
          className={styles.avatar}
          aria-label={t('person.menu', { name: me?.person.name ?? '' })}
          data-initials={me ? initials(me.person.name, me.person.email) : ''}
        />
      </Menu.Target>
      <Menu.Dropdown>
        <div className={styles.who}>
          <div className={styles.name}>{me?.person.name}</div>
          <div className="dim truncate">{me?.person.email}</div>
          <div className="dim truncate">{me?.organisation.name}</div>
        </div>
        <Menu.Divider />
        <Menu.Label>{t('person.theme')}</Menu.Label>
        {SCHEMES.map(({ value, icon: Shape, key }) => (
          <Menu.Item
            key={value}
            closeMenuOnClick={false}
            leftSection={<Shape size={16} stroke={1.5} />}
            rightSection={mark(scheme === value)}
            onClick={() => setScheme(value)}
          >
            {t(`person.${key}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Label>{t('person.language')}</Menu.Label>
        {(Object.keys(LANGUAGES) as Language[]).map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            rightSection={mark(i18n.language === language)}
            onClick={() => chooseLanguage(language)}
          >
            {LANGUAGES[language]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} stroke={1.5} />} onClick={() => void leave()}>
          {t('person.signOut')}
        </Menu.Item>
        <div className={styles.version}>Groma {me?.version}</div>
      </Menu.Dropdown>
    </Menu>
  );
}
