import { useState } from 'react';
import { type ProviderConfig, useSaveConfig, useTestConnection } from '../../../api/configs';
import { integrationsTexts } from '../../../i18n/integrations';
import { useFormat } from '../../../i18n/useFormat';
import { useProblemText } from '../../../i18n/useProblemText';
import { useTexts } from '../../../i18n/useTexts';
import { displayName, type ProviderName } from '../../../providers';
import { Badge } from '../../ui/Badge';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Card';
import { Switch } from '../../ui/Switch';
import { useToast } from '../../ui/Toast';
import styles from './Integrations.module.css';
import { ProviderForm } from './ProviderForm';
import { RemoveProvider } from './RemoveProvider';
import { TestResult } from './TestResult';

interface ProviderCardProps {
  readonly provider: ProviderName;
  /** null: not configured yet. */
  readonly config: ProviderConfig | null;
}

/** One provider: how it stands, and the form that changes it. */
export function ProviderCard({ provider, config }: ProviderCardProps) {
  const t = useTexts(integrationsTexts);
  const [isEdited, setEdited] = useState(false);
  return (
    <Card title={displayName(provider)} actions={<State config={config} />}>
      {isEdited ? (
        <ProviderForm provider={provider} config={config} onDone={() => setEdited(false)} />
      ) : config === null ? (
        <div className={styles.stack}>
          <p className={styles.muted}>{t('provider.none')}</p>
          <div className={styles.actions}>
            <Button variant="primary" onClick={() => setEdited(true)}>
              {t('provider.configure')}
            </Button>
          </div>
        </div>
      ) : (
        <Configured provider={provider} config={config} onEdit={() => setEdited(true)} />
      )}
    </Card>
  );
}

function State({ config }: { readonly config: ProviderConfig | null }) {
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

interface ConfiguredProps {
  readonly provider: ProviderName;
  readonly config: ProviderConfig;
  readonly onEdit: () => void;
}

function Configured({ provider, config, onEdit }: ConfiguredProps) {
  const t = useTexts(integrationsTexts);
  const format = useFormat();
  const toast = useToast();
  const words = useProblemText();
  const save = useSaveConfig(provider);
  const test = useTestConnection(provider);
  const [isRemoved, setRemoved] = useState(false);
  const name = displayName(provider);
  const change = (changes: { enabled: boolean } | { isDefault: true }) =>
    save.mutate(changes, {
      onSuccess: () => toast.done({ title: t('provider.saved', { name }) }),
      onError: (error) => toast.failed({ title: words(error) }),
    });
  const run = () =>
    test.mutate(
      {},
      {
        onSuccess: ({ success, code }) =>
          success
            ? toast.done({ title: t('test.toastOk', { name }) })
            : toast.failed({ title: t('test.toastFailed', { name }), description: t(`test.codes.${code}`) }),
        onError: (error) => toast.failed({ title: words(error) }),
      },
    );
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
      <TestResult test={test} last={config.lastTest} />
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
          // A default is taken away by another one alone.
          disabled={save.isPending || config.isDefault}
          onChange={() => change({ isDefault: true })}
        />
      </div>
      <div className={styles.actions}>
        <Button size="s" busy={test.isPending} onClick={run}>
          {t('test.run')}
        </Button>
        <Button size="s" onClick={onEdit}>
          {t('provider.edit')}
        </Button>
        <Button size="s" variant="danger" onClick={() => setRemoved(true)}>
          {t('provider.remove')}
        </Button>
      </div>
      <RemoveProvider provider={provider} open={isRemoved} onClose={() => setRemoved(false)} />
    </div>
  );
}
