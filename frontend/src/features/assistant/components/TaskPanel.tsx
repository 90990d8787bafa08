import { type FormEvent, type ReactNode, useState } from 'react';
import type { Task, TaskResponse } from '@/api/assistant';
import type { ProviderName } from '@/api/providers';
import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { EmptyState } from '@/components/ui/EmptyState';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import styles from './Assistant.module.css';
import { CompletionDetails } from './CompletionDetails';
import { TaskError } from './TaskError';

export interface TaskProps {
  /** null means the tenant's own order of providers. */
  readonly provider: ProviderName | null;
}

interface CompletedCall<Request, Data> {
  readonly response: TaskResponse<Data>;
  readonly request: Request;
}

interface TaskPanelProps<Request, Data> {
  readonly task: Task<Request, Data>;
  /** Return the request of the form's current values. */
  readonly request: () => Request;
  readonly fields: ReactNode;
  /** Render a completion. It gets the request that led to it. */
  readonly renderCompletion: (data: Data, request: Request) => ReactNode;
}

/** A task's form and its completion, which stays until the next one arrives. */
export function TaskPanel<Request, Data>({
  task,
  request,
  fields,
  renderCompletion,
}: TaskPanelProps<Request, Data>) {
  const t = useTexts(assistantTexts);
  const [completed, setCompleted] = useState<CompletedCall<Request, Data> | null>(null);
  const send = (skipCache: boolean) => {
    const sent = request();
    task.mutate(
      { request: sent, skipCache },
      {
        onSuccess: (response) => setCompleted({ response, request: sent }),
        onError: () => setCompleted(null),
      },
    );
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send(false);
  };
  return (
    <div className={styles.columns}>
      <Card>
        <form className={styles.form} onSubmit={submit}>
          {fields}
          <div className={styles.actions}>
            <Button type="submit" variant="primary" busy={task.isPending}>
              {t('submit')}
            </Button>
          </div>
        </form>
      </Card>
      <section
        className={styles.completion}
        aria-label={t('completion')}
        aria-live="polite"
        aria-busy={task.isPending}
      >
        {task.isIdle && (
          <Card>
            <EmptyState title={t('empty')}>{t('emptyHint')}</EmptyState>
          </Card>
        )}
        {task.isPending && completed === null && <p className={styles.muted}>{t('working')}</p>}
        {task.isError && <TaskError error={task.error} onRetry={() => send(false)} />}
        {completed !== null && (
          <>
            {renderCompletion(completed.response.data, completed.request)}
            <Card>
              <CompletionDetails response={completed.response} />
              <div className={styles.actions}>
                <Button busy={task.isPending} onClick={() => send(true)}>
                  {t('again')}
                </Button>
              </div>
            </Card>
          </>
        )}
      </section>
    </div>
  );
}
