import { type FormEvent, useState } from 'react';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Field } from '@/components/ui/Field';
import { Input } from '@/components/ui/Input';
import { Select } from '@/components/ui/Select';
import { useTexts } from '@/i18n/useTexts';
import { demoTexts } from './i18n/demoTexts';
import styles from './SignIn.module.css';
import type { Identity } from './session';

type Role = Identity['roles'][number];

export function SignIn({ onSignIn }: { readonly onSignIn: (identity: Identity) => void }) {
  const t = useTexts(demoTexts);
  const [tenantId, setTenantId] = useState('demo');
  const [role, setRole] = useState<Role>('admin');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSignIn({ tenantId, userId: `${tenantId}-${role}`, roles: [role] });
  };
  return (
    <main className={styles.page}>
      <h1 className={styles.brand}>Nexus AI</h1>
      <Card title={t('signIn.title')}>
        <form className={styles.form} onSubmit={submit}>
          <p className={styles.intro}>{t('signIn.intro')}</p>
          <Field label={t('signIn.tenant')} hint={t('signIn.tenantHint')}>
            <Input
              value={tenantId}
              onChange={(event) => setTenantId(event.target.value)}
              required
              pattern="[a-z0-9][a-z0-9\-]{0,62}"
              autoComplete="off"
            />
          </Field>
          <Field label={t('signIn.role')}>
            <Select<Role>
              value={role}
              onChange={setRole}
              options={[
                { value: 'admin', label: t('signIn.admin') },
                { value: 'user', label: t('signIn.user') },
              ]}
            />
          </Field>
          <Button type="submit" variant="primary">
            {t('signIn.submit')}
          </Button>
        </form>
      </Card>
    </main>
  );
}
