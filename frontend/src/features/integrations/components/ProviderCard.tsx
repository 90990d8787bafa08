import { type Ref, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { type ProviderConfig, useSaveConfig } from '@/api/configs';
import { displayName, type ProviderName } from '@/api/providers';
import { Badge } from '@/components/ui/Badge';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Switch } from '@/components/ui/Switch';
import { useToast } from '@/components/ui/Toast';
import { useFormat } from '@/i18n/useFormat';
import { useTexts } from '@/i18n/useTexts';
import { useConnectionTest } from '../hooks/useConnectionTest';
import { integrationsTexts } from '../i18n/integrationsTexts';
import { ConnectionTestResult } from './ConnectionTestResult';
import styles from './Integrations.module.css';
import { ProviderForm } from './ProviderForm';
import { RemoveProviderDialog } from './RemoveProviderDialog';

interface ProviderCardProps {
  readonly provider: ProviderName;
  /** null means that the provider is not configured. */
  readonly config: ProviderConfig | null;
}

/** Card with a provider's config, or the form that changes it. */
export function ProviderCard({ provider, config }: ProviderCardProps) {
  const t = useTexts(integrationsTexts);
  const [isEdited, setEdited] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    flushSync(() => setEdited(false));
    opener.current?.focus();
  };
  return (
    <Card title={displayName(provider)} actions={<ProviderBadges config={config} />}>
      {isEdited ? (
        <ProviderForm provider={provider} config={config} onDone={close} />
      ) : config === null ? (
        <div className={styles.stack}>
          <p className={styles.muted}>{t('provider.none')}</p>
          <div className={styles.actions}>
            <Button ref={opener} variant="primary" onClick={() => setEdited(true)}>
              {t('provider.configure')}
            </Button>
          </div>
        </div>
      ) : (
        <ProviderDetails provider={provider} config={config} opener={opener} onEdit={() => setEdited(true)} />
      )}
    </Card>
  );
}

function ProviderBadges({ config }: { readonly config: ProviderConfig | null }) {
  const t = useTexts(integrationsTexts);
  if (config === null) return <Badge>{t('provider.notConfigured')}</Badge>;
  return (
    <span className={styles.badges}>
      {config.isDefault && <Badge tone="accent">{t('provider.default')}</Badge>}
      <Badge tone={config.enabled ? 'success' : 'neutral'}>
        {t(config.enabled ? 'provider.enabled' : 'provider.disabled')}
      </Badge>
    </span>
  );
}

interface ProviderDetailsProps {
  readonly provider: ProviderName;
  readonly config: ProviderConfig;
  /** Button that opens the form. It gets the focus back when the form closes. */
  readonly opener: Ref<HTMLButtonElement>;
  readonly onEdit: () => void;
}

function ProviderDetails({ provider, config, opener, onEdit }: ProviderDetailsProps) {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  const toast = useToast();
  const save = useSaveConfig(provider);
  const { test, run } = useConnectionTest(provider);
  const [isRemoved, setRemoved] = useState(false);
  const name = displayName(provider);
  const change = (changes: { enabled: boolean } | { isDefault: true }) =>
    save.mutate(changes, {
      onSuccess: () => toast.success({ title: t('provider.saved', { name }) }),
      onError: toast.problem,
    });
  return (
    <div className={styles.stack}>
      <dl className={styles.facts}>
        <dt>{t('provider.model')}</dt>
        <dd>{config.model}</dd>
        <dt>{t('provider.key')}</dt>
        <dd>
          <code title={t('provider.fingerprint', { fingerprint: config.fingerprint })}>{config.apiKey}</code>
        </dd>
        <dt>{t('provider.changed')}</dt>
        <dd>{format.moment(config.updatedAt)}</dd>
      </dl>
      <ConnectionTestResult test={test} last={config.lastTest} />
      <div className={styles.switches}>
        <Switch
          label={t('provider.enable')}
          checked={config.enabled}
          disabled={save.isPending}
          onChange={(enabled) => change({ enabled })}
        />
        <Switch
          label={t('provider.makeDefault')}
          checked={config.isDefault}
          // Only choosing another default removes this one.
          disabled={save.isPending || config.isDefault}
          onChange={() => change({ isDefault: true })}
        />
      </div>
      <div className={styles.actions}>
        <Button size="s" busy={test.isPending} onClick={() => run({})}>
          {t('test.run')}
        </Button>
        <Button ref={opener} size="s" onClick={onEdit}>
          {t('provider.edit')}
        </Button>
        <Button size="s" variant="danger" onClick={() => setRemoved(true)}>
          {t('provider.remove')}
        </Button>
      </div>
      <RemoveProviderDialog provider={provider} open={isRemoved} onClose={() => setRemoved(false)} />
    </div>
  );
}
